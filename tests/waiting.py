"""Waiting in tests: as long as a busy machine needs, and not for ever."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0  # far more than is needed on a quiet machine; where a test passes it costs nothing


def until(
    condition: Callable[[], Any],
    seconds: float = PATIENCE_S,
    *,
    process: "subprocess.Popen[Any] | None" = None,
    every_s: float = 0.02,
) -> Any:
    """Wait for something to become true, and give it.

    Args:
        condition: what is asked again and again.
        seconds: after which it is given up.
        process: without which it never becomes true; what it printed is told where it ends before.
        every_s: from one question to the next.

    Raises:
        TimeoutError: it did not become true, or `process` ended first.
    """
    deadline_s = time.monotonic() + seconds
    while True:
        is_over = process is not None and process.poll() is not None  # asked first: its last deed counts
        if found := condition():
            return found
        if process is not None and is_over:
            raise TimeoutError(f"it ended with status {process.returncode}: {process.communicate()[0]}")
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(every_s)
