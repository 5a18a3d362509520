"""How far a long step is: a bar on a terminal, a plain line now and then in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

LINE_EVERY_S = 10.0


class Progress:
    """Counts towards a total and shows amount, rate and time left.

    Args:
        what: what is being done, a few words.
        total: how much there is to do, None where nobody knows.
        unit: "B" for bytes (shown as MB), else a noun in the plural.
        say: receives the lines of a log.
        start: how much had been done before.
    """

    def __init__(
        self, what: str, total: int | None, *, unit: str, say: Callable[[str], None], start: int = 0
    ) -> None:
        self._what, self._total, self._unit, self._say = what, total, unit, say
        self._start = self._done = start
        self._began_s = self._told_s = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm  # costs 50 ms: only where somebody watches

            scale = unit == "B"
            self._bar = tqdm(desc=what, total=total, initial=start, unit=unit, unit_scale=scale, leave=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more as done."""
        self._done += amount
        if self._bar is not None:
            self._bar.update(amount)
        elif time.monotonic() - self._told_s >= LINE_EVERY_S:
            self._told_s = time.monotonic()
            self._say(self.line())

    def line(self) -> str:
        """The state in words: `frames.zip: 40 % of 50.0 MB, 2.0 MB/s, 15 s left`."""
        rate = (self._done - self._start) / max(time.monotonic() - self._began_s, 1e-9)
        if self._total is None:
            return f"{self._what}: {self._amount(self._done)}, {self._amount(rate)}/s"
        left_s = (self._total - self._done) / rate if rate else float("inf")
        share_pct = 100 * self._done // max(self._total, 1)
        share = f"{share_pct} % of {self._amount(self._total)}"
        return f"{self._what}: {share}, {self._amount(rate)}/s, {left_s:.0f} s left"

    def _amount(self, number: float) -> str:
        return f"{number / 1e6:.1f} MB" if self._unit == "B" else f"{number:.0f} {self._unit}"
