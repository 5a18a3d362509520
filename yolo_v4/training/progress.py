"""What a person sees of training: a bar on a terminal, a plain line every few seconds in a log."""

import sys
import time
from collections.abc import Callable
from typing import NoReturn

from tqdm import tqdm

LINE_INTERVAL_S = 10.0


class Progress:
    """Counts pictures over a whole run and shows rate, loss and time left.

    Args:
        epochs: of the run.
        steps: in an epoch.
        batch_size: pictures in a step.
        clock: seconds, monotonic.
    """

    def __init__(
        self, *, epochs: int, steps: int, batch_size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._epochs = epochs
        self._steps = steps
        self._batch_size = batch_size
        self._clock = clock
        self._epoch, self._step = 1, 0
        self._epoch_started_s = self._line_due_s = clock()
        self._seconds_per_step = 0.0
        self._bar: tqdm[NoReturn] | None = None

    def begin_epoch(self, epoch: int) -> None:
        """Say `Epoch i/N`, counted from 1, and start a bar where there is a terminal."""
        self._epoch, self._step = epoch, 0
        self._epoch_started_s = self._line_due_s = self._clock()
        print(f"Epoch {epoch}/{self._epochs}", flush=True)
        if sys.stderr.isatty():
            self._bar = tqdm(total=self._steps, unit="step", leave=True)

    def step(self, loss: float) -> None:
        """One more step is done; `loss` is the epoch's mean so far."""
        self._step += 1
        now_s = self._clock()
        self._seconds_per_step = (now_s - self._epoch_started_s) / self._step
        if self._bar is not None:
            self._bar.update()
            self._bar.set_postfix_str(self._figures(loss))
        elif now_s - self._line_due_s >= LINE_INTERVAL_S or self._step == self._steps:
            self._line_due_s = now_s
            print(f"{self._step}/{self._steps} - {self._figures(loss)}", flush=True)

    def end_epoch(self) -> None:
        """Close the bar; also after a failure."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @property
    def images_per_s(self) -> float:
        """Rate over the epoch so far."""
        return self._batch_size / self._seconds_per_step if self._seconds_per_step else 0.0

    @property
    def left_s(self) -> float:
        """Seconds to the end of the run at the epoch's rate, validation apart."""
        return self._seconds_per_step * ((self._epochs - self._epoch + 1) * self._steps - self._step)

    def _figures(self, loss: float) -> str:
        minutes, seconds = divmod(int(self.left_s), 60)
        return f"loss: {loss:.4f} - {self.images_per_s:.1f} images/s - {minutes}:{seconds:02} left"
