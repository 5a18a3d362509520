"""The same look again and again: redrawn on a terminal, elsewhere only the lines that changed."""

import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence

from harness.process.signals import Interrupted
from harness.text import shown, tell

EVERY_S = 2.0
# Home; after each line erase the rest of it, and after the last one what is below.
HOME, REST_OF_LINE, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
PASSING = re.compile(r"\d[\d.]* (?:s|min|h)\b")  # a time that runs on is no change


def watch(look: Callable[[], Sequence[str]], *, every_s: float = EVERY_S) -> int:
    """Show the lines of `look` until Ctrl-C, which is how this ends well: exit status 0.

    Raises:
        Interrupted: by another signal.
    """
    redraw = _Redrawn() if sys.stdout.isatty() else _Changes()
    try:
        while True:
            redraw.show(_lines(look))
            time.sleep(every_s)
    except Interrupted as error:
        if error.signal != signal.SIGINT:
            raise
    print(flush=True)
    return 0


def _lines(look: Callable[[], Sequence[str]]) -> Sequence[str]:
    try:
        return look()
    except OSError as error:  # a run at work removes what is looked at
        return [
            f"cannot look now: {error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        ]


class _Redrawn:
    """As much of the lines as fits on the terminal, each time at the same place."""

    def __init__(self) -> None:
        print("\n" * (shutil.get_terminal_size().lines - 1), end="")  # what stood there stays above

    def show(self, lines: Sequence[str]) -> None:
        width, height = shutil.get_terminal_size()
        moment = f"{time.strftime('%H:%M:%S')}, every {EVERY_S:.0f} s until Ctrl-C"
        drawn = "".join(f"{shown(line)[:width]}{REST_OF_LINE}\n" for line in [*lines[: height - 2], moment])
        print(f"{HOME}{drawn}{BELOW}", end="", flush=True)


class _Changes:
    """The lines that were not there at the look before, each with the time of day."""

    def __init__(self) -> None:
        self._before: set[str] = set()

    def show(self, lines: Sequence[str]) -> None:
        now = {PASSING.sub("", line): line for line in lines}
        moment = time.strftime("%H:%M:%S")
        for line in [line for key, line in now.items() if key not in self._before]:
            tell(f"{moment} {line}")
        self._before = {*now}
