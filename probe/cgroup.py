"""What the control group of this process allows, in both generations of the kernel's interface."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def cpu_limit() -> float | None:
    """Cores we may use, by quota or by being kept to some of them; None where all are ours."""
    cores = psutil.cpu_count() or 1
    kept_to = [len(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else []
    limits = [float(count) for count in kept_to if count < cores]
    for folder in _folders("cpu"):
        quota = _text(folder / "cpu.max").split() or [
            _text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")
        ]
        if quota[0].isdigit():
            limits.append(int(quota[0]) / int(quota[1]))
    return min(limits, default=None)


def memory_limit_bytes() -> int | None:
    """Memory we may use; None where all is ours."""
    names = ("memory.max", "memory.limit_in_bytes")
    texts = [_text(folder / name) for folder in _folders("memory") for name in names]
    limits = [int(text) for text in texts if text.isdigit()]
    # The older interface says "no limit" by a number beyond any memory.
    return min((limit for limit in limits if limit < psutil.virtual_memory().total), default=None)


def _folders(controller: str) -> Iterator[Path]:
    """Our group's folder and those above it, nearest first."""
    for line in _text(OWN).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = CGROUP / controllers
        folder = top / path.lstrip("/")
        below_top = (each for each in (folder, *folder.parents) if each.is_relative_to(top))
        yield from (each for each in below_top if each.is_dir())


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
