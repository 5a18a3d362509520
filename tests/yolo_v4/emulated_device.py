"""A device that takes orders and works them off one after the other, in virtual time, and a training on it.

It knows what is true of it: when each order was finished, and how long it had nothing to do because the
program waited for data.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from yolo_v4.phases import Phases
from yolo_v4.progress import Progress
from yolo_v4.status import StatusLog
from yolo_v4.training import trainer as trainer_module
from yolo_v4.training.distributed import Place
from yolo_v4.training.trainer import Trainer


class EmulatedDevice:
    """Its clock is one that `yolo_v4.phases` can ask."""

    def __init__(self) -> None:
        self.host_s = 1000.0  # the program's time
        self.free_s = 1000.0  # when the last order will be finished
        self.waited_s = 0.0  # had nothing to do while the program waited for data

    def launch(self, order_s: float, *, launch_s: float = 0.0002) -> None:
        self.host_s += launch_s
        self.free_s = max(self.free_s, self.host_s) + order_s

    def fetch(self, data_s: float) -> None:
        asked_s, self.host_s = self.host_s, self.host_s + data_s
        self.waited_s += max(self.host_s - max(asked_s, self.free_s), 0.0)

    def wait_until(self, time_s: float) -> float:
        self.host_s = max(self.host_s, time_s)
        return time_s

    def now_s(self) -> float:
        return self.host_s

    def start_s(self) -> float:
        self.wait_until(self.free_s)
        return self.host_s

    def mark(self) -> Callable[[], float]:
        done_s = max(self.free_s, self.host_s)
        return lambda: self.wait_until(done_s)


class EmulatedTrainer(Trainer):
    """Our own loop of steps, in which only the step itself is emulated."""

    def __init__(self, device: EmulatedDevice, steps: int, step_s: float) -> None:
        self.network, self.epochs_done, self.clock = SimpleNamespace(train=lambda: None), 0, device  # type: ignore[assignment]
        self._experiment: Any = SimpleNamespace(training=SimpleNamespace(batch_size=4))
        self._steps_per_epoch, self._place, self._device = steps, Place(), torch.device("cpu")
        self._penalty: Any = SimpleNamespace(value=lambda: torch.zeros(()))
        self._emulated, self._step_s, self._seen = device, step_s, None

    def _learning_rate(self, step: int) -> float:
        return 0.1

    def step(self, batch: Any, number: int) -> torch.Tensor:
        self._emulated.launch(self._step_s)
        return torch.ones(())


def train(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    steps: int,
    step_s: float,
    data_s: float,
    epochs: int = 3,
    between_s: float = 0.7,
) -> tuple[EmulatedDevice, list[dict[str, Any]]]:
    """Train on it; gives the device, and the lines of its epochs. Between epochs it does something else."""
    device = EmulatedDevice()

    def read_later(loss: torch.Tensor) -> Callable[[], float]:
        done = device.mark()
        return lambda: (done(), loss.item())[1]

    def batches() -> Iterator[int]:
        for number in range(steps):
            device.fetch(data_s)
            yield number

    monkeypatch.setattr(trainer_module, "_read_later", read_later)
    trainer = EmulatedTrainer(device, steps, step_s)
    phases = Phases(StatusLog(folder / "status.json"))
    for epoch in range(1, epochs + 1):
        with phases.phase("epoch", epoch=epoch):
            trainer.run_epoch(phases.steps(batches(), trainer.clock), Progress(4 * steps, "Training"))  # type: ignore[arg-type]
        assert device.host_s >= device.free_s, "the epoch ended before the device"
        device.launch(between_s)
        device.wait_until(device.free_s)
    lines = (folder / "status.json").read_text().splitlines()
    return device, [line for line in map(json.loads, lines) if line.get("phase") == "epoch"]
