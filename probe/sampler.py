"""The sampler, a process of its own: `python -m probe.sampler FOLDER PID GPU_HZ HOST_HZ SPELL_S`.

It reads every metric on a fixed beat, writes the samples of FOLDER, and ends when its standard input is closed, which
the kernel does when whoever started it is gone. What it has to say it prints, a fault a line. Where SPELL_S is not 0,
it rests in every second spell of so many seconds: its samples are empty then, and training goes on without its cost.
"""

import os
import select
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe import gpu, host
from probe.gpu import ABSENT, our_gpus
from probe.host import Host
from probe.metric import Metric, beats
from probe.samples import SampleFile

FLUSH_S = 1.0


@dataclass(kw_only=True)
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
        if beat % self.every != self.offset:
            return None
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


def sensors(prefix: str, source: Any, table: Iterable[Metric[Any]], beats_apart: int) -> list[Sensor]:
    """The rows of a table that `source` can answer; slow ones take turns, so that no beat is kept waiting for all."""
    found = []
    for place, metric in enumerate(table):
        every = beats_apart * metric.every
        ask = _asker(metric, source)
        try:
            ask()
        except Exception as error:
            if getattr(error, "value", None) in ABSENT:
                continue
        offset = place % metric.every * beats_apart
        found.append(Sensor(column=prefix + metric.key, ask=ask, every=every, offset=offset))
    return found


def _asker(metric: Metric[Any], source: Any) -> Callable[[], float | None]:
    return lambda: metric.read(source)


def sample(folder: Path, root: int, gpu_hz: float, host_hz: float, spell_s: float) -> None:
    """Write samples until standard input ends."""
    devices, _ = our_gpus(os.environ)
    machine = Host(root, frozenset({os.getpid()}))
    hz = max(gpu_hz if devices else 0.0, host_hz)
    host_every, gpu_every = round(hz / host_hz), max(round(hz / gpu_hz), 1)
    columns = sensors("", machine, host.METRICS, host_every)
    for number, device in enumerate(devices):
        columns += sensors(f"gpu{number}_", device, gpu.METRICS, gpu_every)
    with SampleFile(folder, [sensor.column for sensor in columns]) as file:
        began_s = time.monotonic()
        wall_s, flushed_s = time.time() - began_s, 0.0
        for beat, late_s in beats(1 / hz, clock=time.monotonic, wait=_closed):
            now_s = time.monotonic()
            resting = spell_s and (now_s - began_s) // spell_s % 2
            if beat % host_every == 0 and not resting:
                machine.look()
                for device in devices:
                    device.pids_of_ours = machine.pids
            file.add(wall_s + now_s, late_s, [None if resting else sensor.value(beat) for sensor in columns])
            if now_s - flushed_s >= FLUSH_S or hz <= 1:
                file.flush()
                flushed_s = now_s
            if beat == 0:
                print("ready", flush=True)


def _closed(timeout_s: float) -> bool:
    return bool(select.select([sys.stdin], [], [], timeout_s)[0])


if __name__ == "__main__":
    sample(Path(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:]))
