"""When a run did what, in status.json, for whoever measures it from outside.

Each phase leaves one line at its end, with `phase`, `started_unix_s` and `duration_s` before TAO's keys; phases are
start-up (until the first step begins), first step, epoch, validation and checkpoint.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from yolo_v4.status import StatusLog

Item = TypeVar("Item")


class Phases:
    """Marks of one run; start-up begins when this is made."""

    def __init__(self, log: StatusLog) -> None:
        self._log = log
        self._started_s = time.time()
        self._first = True

    @contextmanager
    def phase(self, name: str, *, epoch: int) -> Iterator[None]:
        """Mark what is done inside."""
        started_s = time.time()
        yield
        self._mark(name, started_s, epoch=epoch)

    def first_step(self, steps: Iterable[Item]) -> Iterator[Item]:
        """The same items; the first time, start-up ends with the first of them and the first step with the second."""
        for number, item in enumerate(steps):
            if self._first and number < 2:
                self._mark("start-up" if number == 0 else "first step", self._started_s)
                self._started_s = time.time()
            yield item
        self._first = False

    def _mark(self, name: str, started_s: float, **where: int) -> None:
        data = {
            "phase": name,
            **where,
            "started_unix_s": round(started_s, 3),
            "duration_s": round(time.time() - started_s, 3),
        }
        self._log.write("RUNNING", f"Phase {name} done", data=data)
