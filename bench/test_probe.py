"""What one look of the sampler costs."""

import os
from typing import Any

from probe import gpu_metrics, host
from probe.gpu import find_gpus
from probe.host import Host
from probe.sampler import sensors


def test_host_beat(benchmark: Any) -> None:
    machine = Host(os.getpid(), frozenset())
    columns = sensors("", machine, host.METRICS, 1)

    def beat() -> list[float | None]:
        machine.look()
        return [sensor.value(0) for sensor in columns]

    benchmark.pedantic(beat, rounds=50, warmup_rounds=5)


def test_gpu_beat(benchmark: Any) -> None:
    devices = find_gpus(os.environ).devices
    columns = [sensor for device in devices for sensor in sensors("", device, gpu_metrics.METRICS, 1)]
    benchmark.pedantic(lambda: [sensor.value(0) for sensor in columns], rounds=50, warmup_rounds=5)
