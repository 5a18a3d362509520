"""When a command did what, in status.json, for whoever measures it from outside.

Each phase leaves one line at its end, with `phase`, `started_unix_s` and `duration_s` before TAO's keys; phases are
start-up (until the first step begins), first step, epoch, validation, checkpoint, evaluation and inference. One that
takes steps also has `wait_s` and `work_s`: of each step, the time waiting for its data and the time working on it.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from yolo_v4.status import StatusLog

Item = TypeVar("Item")


class Phases:
    """Marks of one run; start-up begins when this is made."""

    def __init__(self, log: StatusLog) -> None:
        self._log = log
        self._started_s, self._first = time.time(), True
        self._steps: dict[str, list[float]] = {}

    @contextmanager
    def phase(self, name: str, **where: int) -> Iterator[None]:
        """Mark what is done inside; `where` says which one, such as `epoch`."""
        started_s, self._steps = time.time(), {}
        yield
        self._mark(name, started_s, **where, **self._steps)

    def steps(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items, timed; start-up ends with the first item of all, the first step with the second."""
        steps = self._steps = {"wait_s": [], "work_s": []}
        asked_s = time.perf_counter()
        for number, item in enumerate(items):
            if self._first and number < 2:
                self._mark("start-up" if number == 0 else "first step", self._started_s)
                self._started_s = time.time()
            got_s = time.perf_counter()
            steps["wait_s"].append(round(got_s - asked_s, 6))
            yield item
            asked_s = time.perf_counter()
            steps["work_s"].append(round(asked_s - got_s, 6))
        self._first = False

    def _mark(self, name: str, started_s: float, **more: Any) -> None:
        times = {"started_unix_s": round(started_s, 3), "duration_s": round(time.time() - started_s, 3)}
        self._log.write("RUNNING", f"Phase {name} done", data={"phase": name, **times, **more})
