"""The sampler: reads every metric on a fixed beat and writes the file of samples.

It prints `ready` after the first beat, and then a line for each fault. It ends when the process that it
watches has ended, or when its standard input is closed where that is a pipe: the kernel closes it when
whoever holds the other end is gone. Then it reads once more, so that what has been used until then is known.
"""

import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from probe import gpu_metrics, host
from probe.errors import ProbeError
from probe.gpu import Gpus, find_gpus, is_absent
from probe.host import Host
from probe.metric import Metric, beats
from probe.samples import SampleFile

FLUSH_S = 1.0
READY = "ready"
# What is integrated over time: read first in each beat, so close to its time, and once more at the end.
ENERGY = ("_energy_total_j", "_power_w")


@dataclass
class Sensor:
    """One column: whom to ask on which beats, and whether it has ever answered."""

    column: str
    ask: Callable[[], float | None]
    every: int
    offset: int
    answered: bool = False
    gone: bool = False

    def value(self, beat: int) -> float | None:
        """What it says at this beat; None where it is not its turn, or it has nothing to say."""
        return self.value_now() if beat % self.every == self.offset else None

    def value_now(self) -> float | None:
        """What it says whichever beat this is; None where it has nothing to say."""
        try:
            value = self.ask()
        except Exception as error:  # whatever a driver does, the others are still read
            if self.answered and not self.gone:
                print(f"{self.column} is gone: {error}", flush=True)
            self.gone = True
            return None
        if self.gone and self.answered:
            print(f"{self.column} is back", flush=True)
        self.gone, self.answered = False, True
        return value


def sensors(
    prefix: str, source: Any, table: Iterable[Metric[Any]], beats_apart: int, turn: int = 0
) -> list[Sensor]:
    """The rows of a table that `source` can answer; slow ones take turns, so that no beat waits for all.

    Several sources of one table take turns, too, where each has another number as its `turn`.
    """
    able = []
    for place, metric in enumerate(table):
        every = beats_apart * metric.every
        ask = _asker(metric, source)
        try:
            ask()
        except Exception as error:
            if is_absent(error):
                continue
        offset = (place + turn) % metric.every * beats_apart
        able.append(Sensor(column=prefix + metric.key, ask=ask, every=every, offset=offset))
    return able


def _asker(metric: Metric[Any], source: Any) -> Callable[[], float | None]:
    return lambda: metric.read(source)


def sample(
    folder: Path,
    pid: int,
    *,
    gpu_hz: float,
    host_hz: float,
    window_s: float = 0.0,
    children_only: bool = False,
) -> None:
    """Write samples.csv.gz in `folder` until there is nothing left to watch.

    Args:
        folder: made where it is not there; samples of an earlier run in it are added to.
        pid: the process to watch, with its children.
        gpu_hz: beats a second for GPUs.
        host_hz: beats a second for the rest of the machine.
        window_s: where not 0, every second window of so many seconds is a rest, and its samples are empty.
        children_only: `pid` itself does not count.

    Raises:
        ProbeError: there is no such process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        machine = Host(pid, frozenset({os.getpid(), pid} if children_only else {os.getpid()}))
    except psutil.NoSuchProcess as error:
        raise ProbeError(f"there is no process {pid}", remedy="take a number that `ps` shows") from error
    gpus = find_gpus(os.environ)
    hz = max(gpu_hz if gpus.devices else 0.0, host_hz)
    host_every, gpu_every = round(hz / host_hz), max(round(hz / gpu_hz), 1)
    columns = _all_sensors(machine, gpus, host_every, gpu_every)
    energy = [sensor for sensor in columns if sensor.column.endswith(ENERGY)]
    others = [sensor for sensor in columns if sensor not in energy]
    with SampleFile(folder, [sensor.column for sensor in (*energy, *others)]) as file:
        _Loop(machine, gpus.faults, energy, others, file, hz, host_every, window_s).run()


def _all_sensors(machine: Host, gpus: Gpus, host_every: int, gpu_every: int) -> list[Sensor]:
    columns = sensors("", machine, host.METRICS, host_every)
    for device in gpus.devices:
        device.owns = machine.owns
        prefix = f"gpu{device.number}_"
        columns += sensors(prefix, device, gpu_metrics.METRICS, gpu_every, device.number)
    # An empty column says that there is a GPU of which nothing is known.
    columns += [Sensor(f"gpu{number}_power_w", lambda: None, gpu_every, 0) for number in gpus.lost]
    return columns


@dataclass
class _Loop:
    machine: Host
    faults: tuple[str, ...]  # that were there from the start
    energy: list[Sensor]
    others: list[Sensor]
    file: SampleFile
    hz: float
    host_every: int
    window_s: float

    def run(self) -> None:
        began_s = time.monotonic()
        wall_s, flushed_s, resting = time.time() - began_s, 0.0, False
        for beat, late_s in beats(1 / self.hz, clock=time.monotonic, wait=_waiter()):
            now_s = time.monotonic()
            resting = bool(self.window_s) and (now_s - began_s) // self.window_s % 2 == 1
            joules = [None if resting else one.value(beat) for one in self.energy]
            if beat % self.host_every == 0:
                if not self.machine.root_is_alive:
                    break
                if not resting:
                    self.machine.look()
            others = [None if resting else one.value(beat) for one in self.others]
            self.file.add(wall_s + now_s, late_s, [*joules, *others])
            if now_s - flushed_s >= FLUSH_S or self.hz <= 1:
                self.file.flush()
                flushed_s = now_s
            if beat == 0:
                self._read_energy(wall_s)
                print(READY, *self.faults, sep="\n", flush=True)
        if not resting:
            self._read_energy(wall_s)

    def _read_energy(self, wall_s: float) -> None:
        """Between beats: a run begins now, or has just ended."""
        now_s = wall_s + time.monotonic()
        joules = [one.value_now() for one in self.energy]
        self.file.add(now_s, 0.0, [*joules, *(None for _ in self.others)])


def _waiter() -> Callable[[float], bool]:
    """What sleeps for so many seconds and says whether to stop; a terminal or a file as input never does."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return lambda timeout_s: bool(select.select([sys.stdin], [], [], timeout_s)[0])

    def wait(timeout_s: float) -> bool:
        time.sleep(timeout_s)
        return False

    return wait
