"""Run a program: what it prints is shown as it comes and kept in a log as plain lines."""

import contextlib
import functools
import os
import re
import select
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from harness.process.die_with_parent import SETUID_RUNTIMES
from harness.process.identity import end, start_time

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
# After setpriv has asked for the signal: is the parent, $0, still there? Then become the program.
BECOME = """[ "$PPID" = "$0" ] || exit 137
command -v "$1" > /dev/null || { echo "cannot start $1: No such file or directory" >&2; exit 127; }
exec "$@"
"""
POLL_S = 0.2
LINE_START = re.compile(rb"(?<=[\r\n])(?=[^\r\n])")
# What a progress bar needs of a terminal: colours, moving within a line, erasing the rest of it.
DRAWING = rb"\x1b\[[0-9;]*[CDGKm]"
# That, and all other control characters, in UTF-8 of one byte or two: they could set the title or the
# clipboard, ask the terminal for an answer, or write over what other programs said.
CONTROLS = re.compile(rb"(" + DRAWING + rb")|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
CUT_OFF = re.compile(rb"(\x1b(\[[0-9;]{0,32})?|\xc2)\Z")


class PlainLines:
    """Lines as a person remembers them: of a progress bar drawn over itself only the last state stays."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, each with its line end."""
        *lines, rest = (self._rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        # A carriage return at the very end may be half of a line end: it stays until the next chunk tells.
        self._rest = rest if rest.endswith(b"\r") else rest.rpartition(b"\r")[2]
        return [line.rstrip(b"\r").rpartition(b"\r")[2] + b"\n" for line in lines]

    def flush(self) -> list[bytes]:
        """What was not ended by a line end."""
        rest, self._rest = self._rest, b""
        return [line + b"\n" for line in [rest.rstrip(b"\r").rpartition(b"\r")[2]] if line]


class PrefixedLines:
    """What a program draws on its terminal, each line with a prefix, also where it is drawn over itself."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._at_start = True

    def feed(self, chunk: bytes) -> bytes:
        """The chunk with the prefix before the first character of each line."""
        # The function is for prefixes with backslashes, which re would read as escapes.
        text = LINE_START.sub(lambda match: self._prefix, chunk)
        if self._at_start and chunk[:1] not in (b"\r", b"\n", b""):
            text = self._prefix + text
        self._at_start = chunk[-1:] in (b"\r", b"\n") if chunk else self._at_start
        return text


class TerminalText:
    """What a program draws, made harmless chunk by chunk."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """The chunk, harmless; a sequence that is cut off waits for the next chunk."""
        text = self._rest + chunk
        cut = CUT_OFF.search(text)
        self._rest = cut[0] if cut else b""
        return harmless(text[: cut.start()] if cut else text)

    def flush(self) -> bytes:
        """What was waiting."""
        text, self._rest = self._rest, b""
        return harmless(text)


def harmless(text: bytes) -> bytes:
    """The text with every control character as its escape, but those that colours and progress bars need."""
    return CONTROLS.sub(lambda match: match[1] or match[0].decode().encode("unicode_escape"), text)


def bound_to_us(argv: Sequence[str]) -> list[str]:
    """The argument list that starts `argv` so that it is killed when this process dies (on Linux).

    setpriv and a shell, which become the program, take 3 ms of CPU time; where they cannot do it, a Python of
    20 ms.
    """
    parent, setpriv = str(os.getpid()), _setpriv()
    # A shell may drop variables of other names: functions that bash exported, which scripts for clusters
    # count on.
    plain = all(name.isascii() and name.isidentifier() for name in os.environ)
    if setpriv and plain and Path(argv[0]).name not in SETUID_RUNTIMES:
        return [setpriv, "--pdeathsig", "KILL", "/bin/sh", "-c", BECOME, parent, *argv]
    return [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), parent, *argv]


@functools.cache
def _setpriv() -> str | None:
    """util-linux's program of that name, from 2.33 on; others, such as busybox's, cannot set the signal."""
    program = shutil.which("setpriv")
    if program is None:
        return None
    attempt = subprocess.run(
        [program, "--pdeathsig", "KILL", "/bin/sh", "-c", ":"], capture_output=True, check=False
    )
    return program if attempt.returncode == 0 else None


def run(
    argv: Sequence[str],
    *,
    folder: Path,
    log: Path,
    prefix: str,
    environment: Mapping[str, str],
    started: Callable[[int, str], None],
    shown: bool = True,
) -> int:
    """Run `argv` in `folder` to its end and give its exit status (negative: ended by that signal).

    On a terminal the program gets one too, so that its progress bars work. Lines are shown with `prefix`:
    several programs may run side by side. Whatever interrupts us ends the program first.

    Args:
        started: is told the program's process number and start time as soon as it runs.
        shown: whether anything is shown; the log gets it all the same.
    """
    on_terminal = shown and sys.stdout.isatty()
    reader, writer = _terminal(narrower=len(prefix)) if on_terminal else os.pipe()
    process = _start(argv, folder, environment, writer)
    birth = start_time(process.pid) or ""
    try:
        started(process.pid, birth)
        with log.open("ab") as kept:
            lines = prefix.encode() if shown and not on_terminal else None
            drawn = PrefixedLines(prefix.encode()) if on_terminal else None
            _copy(reader, process, kept, prefix=lines, drawn=drawn)
        return process.wait()
    except BaseException:
        end(process.pid, birth)
        process.wait()
        raise
    finally:
        os.close(reader)


def _start(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], writer: int
) -> "subprocess.Popen[bytes]":
    """The process, in a session of its own; its output goes to the descriptor `writer`, closed here."""
    try:
        return subprocess.Popen(
            bound_to_us(argv),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        )
    finally:
        os.close(writer)


def _terminal(*, narrower: int) -> tuple[int, int]:
    """Both ends of a terminal like ours, less some columns."""
    import fcntl
    import pty
    import termios

    reader, writer = pty.openpty()
    columns, lines = shutil.get_terminal_size()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", lines, max(columns - narrower, 1), 0, 0))
    return reader, writer


def _copy(
    reader: int,
    process: "subprocess.Popen[bytes]",
    kept: BinaryIO,
    *,
    prefix: bytes | None,
    drawn: PrefixedLines | None,
) -> None:
    plain, terminal = PlainLines(), TerminalText()
    while True:
        # A grandchild may hold the pipe open for ever: once the program itself has ended, what is there is
        # all.
        ended = process.poll() is not None
        ready, _, _ = select.select([reader], [], [], 0 if ended else POLL_S)
        chunk = _read(reader) if ready else b""
        if chunk:
            _keep(plain.feed(chunk), kept, prefix)
            if drawn is not None:
                _show(drawn.feed(terminal.feed(chunk)))
        elif ready or ended:
            break
    _keep(plain.flush(), kept, prefix)
    if drawn is not None:
        _show(drawn.feed(terminal.flush()))


def _read(reader: int) -> bytes:
    with contextlib.suppress(OSError):  # a terminal whose other end is closed says EIO
        return os.read(reader, 1 << 16)
    return b""


def _keep(lines: list[bytes], kept: BinaryIO, prefix: bytes | None) -> None:
    kept.write(b"".join(lines))
    kept.flush()
    if prefix is not None:
        _show(b"".join(prefix + harmless(line) for line in lines))


def _show(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
