"""Steps of a device that works on while the program goes ahead, against what is true of an emulated one."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.yolo_v4.emulated_device import EmulatedDevice, train
from yolo_v4.phases import HostClock, Phases
from yolo_v4.status import StatusLog
from yolo_v4.training.device_clock import CudaClock, device_clock
from yolo_v4.training.trainer import _read_later

LAUNCH_S = 0.0002


@pytest.mark.parametrize("steps", [8, 17, 110])
@pytest.mark.parametrize(
    ("step_s", "data_s"),
    [(0.05, 0.0), (0.05, 0.03), (0.05, 0.05), (0.01, 0.04), (0.0, 0.02)],
    ids=["no waits", "hidden waits", "even", "starved", "no work"],
)
def test_steps_and_waits_are_those_of_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, step_s: float, data_s: float
) -> None:
    device, epochs = train(tmp_path, monkeypatch, steps=steps, step_s=step_s, data_s=data_s)

    waits_s = [wait_s for epoch in epochs for wait_s in epoch["wait_s"]]
    works_s = [work_s for epoch in epochs for work_s in epoch["work_s"]]
    assert len(waits_s) == len(works_s) == 3 * steps
    # A step takes as long as the slower of the two; the first of an epoch waits for its data, too.
    slower_s = max(step_s, data_s + LAUNCH_S)
    first_s = data_s + LAUNCH_S + step_s
    true_s = 3 * (first_s + (steps - 1) * slower_s)
    assert sum(waits_s) + sum(works_s) == pytest.approx(true_s, rel=0.005)
    assert sum(waits_s) == pytest.approx(device.waited_s, rel=0.005, abs=1e-4)
    settled = [wait + work for wait, work in zip(waits_s, works_s, strict=True)][1:steps]
    assert settled == pytest.approx([slower_s] * (steps - 1), rel=0.005)


def test_of_a_device_that_is_done_when_the_call_returns_all_time_between_is_told(tmp_path: Path) -> None:
    device = EmulatedDevice()

    class Waiting(HostClock):
        def now_s(self) -> float:
            return device.host_s

    phases = Phases(StatusLog(tmp_path / "status.json"))
    with phases.phase("inference"):
        for _ in phases.steps([1, 2, 3], Waiting()):
            device.launch(0.25, launch_s=0.0)
            device.wait_until(device.free_s)

    line = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert (line["wait_s"], line["work_s"]) == ([0.0] * 3, [0.25] * 3)


class Event:
    """What CUDA notes on a stream, in an emulated time."""

    device = EmulatedDevice()

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self, stream: str) -> None:
        assert stream == "stream of cuda:1"
        self.done_s = max(self.device.free_s, self.device.host_s)

    def synchronize(self) -> None:
        self.device.wait_until(self.done_s)

    def elapsed_time(self, later: "Event") -> float:
        return 1000 * (later.done_s - self.done_s)


def test_a_number_is_read_when_its_own_gpu_has_copied_it(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = []

    class Copied:
        def record(self, stream: str) -> None:
            noted.append(stream)

        def synchronize(self) -> None:
            noted.append("waited")

    monkeypatch.setattr(torch.cuda, "Event", Copied)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda chosen: f"stream of {chosen}")
    loss: Any = SimpleNamespace(is_cuda=True, device="cuda:1", to=lambda *_, **__: torch.tensor(2.5))

    read = _read_later(loss)
    assert noted == ["stream of cuda:1"]
    assert (read(), noted[1:]) == (2.5, ["waited"])


def test_the_clock_of_a_gpu_counts_from_event_to_event(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Event.device = EmulatedDevice()
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda chosen: f"stream of {chosen}")
    monkeypatch.setattr(CudaClock, "now_s", lambda self: device.host_s)
    clock = device_clock(torch.device("cuda:1"))

    device.launch(2.0, launch_s=0.0)
    assert clock.start_s() == 1002.0  # it waits for what was asked before
    device.launch(0.5, launch_s=0.0)
    first = clock.mark()
    device.launch(0.5, launch_s=0.0)
    second = clock.mark()
    assert device.host_s == 1002.0  # the program did not wait
    assert (first(), device.host_s) == (1002.5, 1002.5)
    assert (second(), device.host_s) == (1003.0, 1003.0)
    assert isinstance(device_clock(torch.device("cpu")), HostClock)
