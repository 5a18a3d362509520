"""What an engine was doing when, out of the status files it left."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness.store.evidence import read_status

QUARTER_S = 900.0  # clocks of the world differ by multiples of it


def engine_phases(folder: Path, *, started_s: float, ended_s: float) -> list[dict[str, Any]]:
    """Phases told by the status files below `folder`, in order of time; `launch` is the time up to the first word.

    Ours writes its phases with times to the millisecond. NVIDIA's says, to the second and by the container's clock,
    when an epoch (validation included) ended and how long it took.

    Args:
        started_s: when the first command was launched.
        ended_s: when the last one had ended.
    """
    found: list[dict[str, Any]] = []
    for path in sorted(folder.rglob("status.json")):
        entries = read_status(path.parent)
        found += [_plain(entry) for entry in entries if "phase" in entry] or _epochs(entries, ended_s)
    # A clock that was set back while a phase lasted leaves nothing to go by.
    found = [phase for phase in found if phase["duration_s"] >= 0 and phase["started_unix_s"] >= started_s - 1]
    found.sort(key=lambda phase: float(phase["started_unix_s"]))
    if found:
        waited_s = round(found[0]["started_unix_s"] - started_s, 3)
        found.insert(0, {"phase": "launch", "started_unix_s": round(started_s, 3), "duration_s": max(waited_s, 0.0)})
    return found


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("phase", "epoch", "started_unix_s", "duration_s", "wait_s", "work_s")
    return {name: entry[name] for name in names if name in entry}


def _epochs(entries: list[dict[str, Any]], ended_s: float) -> list[dict[str, Any]]:
    timed = [(when, entry) for entry in entries if (when := _seconds(entry)) is not None]
    if not timed:
        return []
    # The container's clock may be in another zone than ours.
    shift_s = round((ended_s - timed[-1][0]) / QUARTER_S) * QUARTER_S
    told = [(when + shift_s, entry) for when, entry in timed if "time_per_epoch" in entry]
    return [
        {"phase": "epoch", "epoch": entry["epoch"], "started_unix_s": when - lasted_s, "duration_s": lasted_s}
        for when, entry in told
        for lasted_s in _duration(entry["time_per_epoch"])
    ]


def _seconds(entry: Mapping[str, Any]) -> float | None:
    """When a line was written, taking its clock for ours: `"date": "1/8/2026", "time": "9:5:0"`."""
    with contextlib.suppress(KeyError, ValueError):
        return time.mktime(time.strptime(f"{entry['date']} {entry['time']}", "%m/%d/%Y %H:%M:%S"))
    return None


def _duration(text: str) -> Iterator[float]:
    """Seconds of `0:01:02.500000`; nothing where it reads otherwise."""
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = text.rpartition(",")[2].split(":")
        yield timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()
