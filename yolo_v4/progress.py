"""What a person sees of long work: a bar on a terminal, a plain line every few seconds in a log."""

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

LINE_INTERVAL_S = 10.0


class Progress:
    """Counts `total` pictures under the name of an `action`; use it in a `with`, so that a bar is closed."""

    def __init__(self, total: int, action: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._done, self._action, self._clock = total, 0, action, clock
        self._started_s = self._line_due_s = clock()
        self._bar = tqdm(total=total, desc=action, unit="images", disable=not sys.stderr.isatty())
        self.images_per_s = 0.0  # so far

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self, pictures: int, note: str = "") -> None:
        """So many more are done; `note` is shown beside the count."""
        now_s = self._clock()
        self._done += pictures
        self.images_per_s = self._done / max(now_s - self._started_s, 1e-9)
        self._bar.update(pictures)
        self._bar.set_postfix_str(note)
        if self._bar.disable and (now_s - self._line_due_s >= LINE_INTERVAL_S or self._done >= self._total):
            self._line_due_s = now_s
            left = tqdm.format_interval((self._total - self._done) / max(self.images_per_s, 1e-9))
            rate = f"{self.images_per_s:.1f} images/s - {left} left"
            print(
                " - ".join(filter(None, [f"{self._action}: {self._done}/{self._total}", note, rate])),
                flush=True,
            )
