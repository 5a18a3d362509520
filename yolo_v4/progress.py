"""Show progress: a bar on a terminal, else a line of text every few seconds."""

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

LINE_INTERVAL_S = 10.0
# As tqdm has it, but for the rate, which would turn into seconds per image where that is more than one.
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"


class Progress:
    """Counts up to `total` pictures of an `action`; a context manager, so that the bar is closed."""

    def __init__(self, total: int, action: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._done = 0
        self._action = action
        self._clock = clock
        self._started_s = clock()
        self._last_line_s = self._started_s
        self._bar = tqdm(
            total=total, desc=action, unit=" images", bar_format=BAR, disable=not sys.stderr.isatty()
        )
        self.images_per_s = 0.0  # so far

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def expect(self, pictures: int) -> None:
        """Count with so many more pictures in all, or fewer, where they are known only on the way."""
        self._total += pictures
        self._bar.total = self._total

    def advance(self, pictures: int, note: str = "") -> None:
        """Count so many more pictures; `note` is shown beside the count."""
        now_s = self._clock()
        self._done += pictures
        self.images_per_s = self._done / max(now_s - self._started_s, 1e-9)
        self._bar.update(pictures)
        self._bar.set_postfix_str(note)
        is_line_due = now_s - self._last_line_s >= LINE_INTERVAL_S or self._done == self._total
        if self._bar.disable and is_line_due:
            self._last_line_s = now_s
            rest = max(self._total - self._done, 0)
            left = tqdm.format_interval(rest / max(self.images_per_s, 1e-9))
            rate = f"{self.images_per_s:.1f} images/s - {left} left"
            print(
                " - ".join(filter(None, [f"{self._action}: {self._done}/{self._total}", note, rate])),
                flush=True,
            )
