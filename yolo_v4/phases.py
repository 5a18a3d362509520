"""The times of a command's phases, written into status.json so that other programs can measure them.

Each phase writes a line at its end, with `phase`, `started_unix_s` and `duration_s` before TAO's keys. Phases
are start-up (until the first step begins), first step, epoch, validation, checkpoint, evaluation and
inference. A phase that consists of steps also has `wait_s` and `work_s`: for each step, the time waiting for
its data and the time working on it.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from yolo_v4.status import StatusLog

Item = TypeVar("Item")


class Phases:
    """The phases of one run; start-up begins when this object is made."""

    def __init__(self, log: StatusLog) -> None:
        self._log = log
        self._started_s = time.time()
        self._is_first = True  # until the first phase with steps has ended
        self._steps: dict[str, list[float]] = {}

    @contextmanager
    def phase(self, name: str, **where: int) -> Iterator[None]:
        """Time the work inside the context; `where` is added to the line, such as `epoch=3`."""
        started_s = time.time()
        self._steps = {}
        yield
        self._mark(name, started_s, **where, **self._steps)

    def steps(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass on items and time the step made with each.

        Start-up ends when the first item of the run arrives, the first step when the second one does.
        """
        steps: dict[str, list[float]] = {"wait_s": [], "work_s": []}
        self._steps = steps
        asked_s = time.perf_counter()
        for number, item in enumerate(items):
            if self._is_first and number < 2:
                self._mark("start-up" if number == 0 else "first step", self._started_s)
                self._started_s = time.time()
            got_s = time.perf_counter()
            steps["wait_s"].append(round(got_s - asked_s, 6))
            yield item
            asked_s = time.perf_counter()
            steps["work_s"].append(round(asked_s - got_s, 6))
        self._is_first = False

    def _mark(self, name: str, started_s: float, **more: Any) -> None:
        times = {"started_unix_s": round(started_s, 3), "duration_s": round(time.time() - started_s, 3)}
        self._log.write("RUNNING", f"Phase {name} done", data={"phase": name, **times, **more})
