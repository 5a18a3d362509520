"""The times of a command's phases, written into status.json so that other programs can measure them.

Each phase writes a line at its end, with `phase`, `started_unix_s` and `duration_s` before TAO's keys. Phases
are start-up (until the first step begins), first step, epoch, validation, checkpoint, evaluation and
inference. A phase that consists of steps also has `wait_s` and `work_s`: for each step, the time in which the
device waited for its data, and the rest of the time from the end of the step before to its own end. A step
ends when the device has finished it: a GPU works on while the program fetches the next data.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from yolo_v4.status import StatusLog

Item = TypeVar("Item")


class Clock(Protocol):
    """Tells the time of a device, in seconds of a steady clock; see `HostClock` for what is asked of it."""

    def now_s(self) -> float:
        """This moment."""

    def start_s(self) -> float:
        """The moment when the device has nothing left to do; waits for it."""

    def mark(self) -> Callable[[], float]:
        """A function that waits until the device has done all it was given so far, and tells when that was.

        These functions are called in the order in which they were made.
        """


class HostClock:
    """Of a device that has done what it was asked when the call returns, as the processor has."""

    def now_s(self) -> float:
        return time.perf_counter()

    def start_s(self) -> float:
        return self.now_s()

    def mark(self) -> Callable[[], float]:
        ended_s = self.now_s()
        return lambda: ended_s


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

    def steps(self, items: Iterable[Item], clock: Clock = HostClock()) -> Iterator[Item]:  # noqa: B008
        """Pass on items and time the step made with each, by the clock of the device that makes it.

        Start-up ends when the first item of the run arrives, the first step when the second one does.
        When the last item was asked for in vain, this waits until the device has finished.
        """
        times = _StepTimes(clock)
        self._steps = times.seconds
        asked_s = clock.now_s()
        for number, item in enumerate(items):
            if self._is_first and number < 2:
                self._mark("start-up" if number == 0 else "first step", self._started_s)
                self._started_s = time.time()
            got_s = clock.now_s()
            yield item
            times.add(asked_s, got_s)
            asked_s = clock.now_s()
        times.settle()
        self._is_first = False

    def _mark(self, name: str, started_s: float, **more: Any) -> None:
        times = {"started_unix_s": round(started_s, 3), "duration_s": round(time.time() - started_s, 3)}
        self._log.write("RUNNING", f"Phase {name} done", data={"phase": name, **times, **more})


class _StepTimes:
    """Seconds of each step, in which the device may be one step behind the program."""

    def __init__(self, clock: Clock) -> None:
        self.seconds: dict[str, list[float]] = {"wait_s": [], "work_s": []}
        self._clock = clock
        self._ended_s = clock.start_s()  # of the last step that is known to have ended
        self._latest: tuple[float, float, Callable[[], float]] | None = None

    def add(self, asked_s: float, got_s: float) -> None:
        """A step was begun whose data were asked for and came at these moments."""
        mark = self._clock.mark()
        self.settle()  # the step before; the device is kept busy by this one
        self._latest = (asked_s, got_s, mark)

    def settle(self) -> None:
        """Note the latest step, waiting for its end."""
        if self._latest is None:
            return
        asked_s, got_s, mark = self._latest
        started_s, self._ended_s, self._latest = self._ended_s, mark(), None
        wait_s = max(got_s - max(asked_s, started_s), 0.0)  # while the device had nothing left to do
        self.seconds["wait_s"].append(round(wait_s, 6))
        self.seconds["work_s"].append(round(max(self._ended_s - started_s - wait_s, 0.0), 6))
