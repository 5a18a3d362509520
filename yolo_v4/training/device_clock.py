"""The time of a GPU, by events that it notes itself: the program need not wait for it."""

import time
from collections.abc import Callable

import torch

from yolo_v4.phases import Clock, HostClock


def device_clock(device: torch.device) -> Clock:
    """The clock of the device that trains."""
    return CudaClock(device) if device.type == "cuda" else HostClock()


class CudaClock:
    """A clock in the host's seconds. Marks are placed on the device's current stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def now_s(self) -> float:
        return time.perf_counter()

    def start_s(self) -> float:
        self._event = self._record()
        self._event.synchronize()
        self._event_s = self.now_s()
        return self._event_s

    def mark(self) -> Callable[[], float]:
        event = self._record()

        def finished_s() -> float:
            event.synchronize()
            self._event_s += self._event.elapsed_time(event) / 1000
            self._event = event
            return self._event_s

        return finished_s

    def _record(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event
