"""What an engine was doing when, from the status files it wrote."""

import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.engine.answers import read_status
from harness.workspace.layout import STATUS

DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d*)?)")  # hours, minutes, seconds
STAGING = "staging"  # of inputs, before the engine is launched; told by the harness
QUARTER_S = 900.0  # time zones differ by multiples of it
# Name in a record -> key in the line of status.json that says how the engine computes.
COMPUTING = {
    "device": "device",
    "processor": "processor",
    "number_format": "number_format",
    "torch": "torch",
    "torch_threads": "threads",
    "runtime": "runtime",
    "flops_per_image": "flops_per_image",
    "numbers": "numbers",
}


def engine_phases(folder: Path, *, started_s: float, ended_s: float) -> list[dict[str, Any]]:
    """Phases from the status files below `folder`, in order of time.

    `launch` is the time from the start, or from the end of staging, up to the first phase of the engine.

    Our engine writes its phases with times to the millisecond. NVIDIA's writes, to the second and by the
    container's clock, when an epoch (validation included) ended and how long it took.

    Args:
        started_s: when the first command was launched.
        ended_s: when the last one had ended.
    """
    phases: list[dict[str, Any]] = []
    for path in sorted(folder.rglob(STATUS)):
        entries = read_status(path.parent)
        phases += [_plain(entry) for entry in entries if is_phase(entry)] or _epochs(entries, ended_s)
    # Of a phase during which the clock was set back nothing is known.
    phases = [
        phase for phase in phases if phase["duration_s"] >= 0 and phase["started_unix_s"] >= started_s - 1
    ]
    phases.sort(key=lambda phase: float(phase["started_unix_s"]))
    before = [phase for phase in phases if phase["phase"] == STAGING]
    after = [phase for phase in phases if phase["phase"] != STAGING]
    launched_s = max([started_s, *(phase["started_unix_s"] + phase["duration_s"] for phase in before)])
    if after:
        waited_s = max(round(after[0]["started_unix_s"] - launched_s, 3), 0.0)
        before.append({"phase": "launch", "started_unix_s": round(launched_s, 3), "duration_s": waited_s})
    return [*before, *after]


def is_phase(row: Any) -> bool:
    """Whether a line that others wrote is one of a phase: a name, times, and as many waits as works."""
    if not isinstance(row, Mapping) or not isinstance(row.get("phase"), str):
        return False
    steps = [row.get(name, []) for name in ("wait_s", "work_s")]
    if not all(isinstance(times, list) for times in steps) or len(steps[0]) != len(steps[1]):
        return False
    if type(row.get("epoch", 0)) is not int:
        return False
    times_s = [row.get("started_unix_s"), row.get("duration_s"), *steps[0], *steps[1]]
    return all(type(time_s) in (int, float) and math.isfinite(time_s) for time_s in times_s)


def computing(folder: Path) -> dict[str, Any]:
    """How the engine computed, by the last status file below `folder`; None for what it does not tell."""
    told: dict[str, Any] = {}
    for path in sorted(folder.rglob(STATUS)):
        for entry in read_status(path.parent):
            if isinstance(entry.get("computing"), dict) and isinstance(entry.get("numerics"), dict):
                told = {**entry["numerics"], **entry["computing"]}
    return {name: _plain_value(told.get(key)) for name, key in COMPUTING.items()}


def _plain_value(value: Any) -> str | int | float | None:
    """A text or a number as it is; None for what a record cannot hold."""
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return value if isinstance(value, str) or is_number else None


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("phase", "epoch", "started_unix_s", "duration_s", "wait_s", "work_s")
    return {name: entry[name] for name in names if name in entry}


def _epochs(entries: list[dict[str, Any]], ended_s: float) -> list[dict[str, Any]]:
    clocks = [(_clock_s(entry), entry) for entry in entries]
    timed = [(clock_s, entry) for clock_s, entry in clocks if clock_s is not None]
    if not timed:
        return []
    # The container's clock may be in another zone than ours.
    shift_s = round((ended_s - timed[-1][0]) / QUARTER_S) * QUARTER_S
    epochs = []
    for clock_s, entry in timed:
        match = DURATION.fullmatch(str(entry.get("time_per_epoch")))
        if match and isinstance(entry.get("epoch"), int):
            hours, minutes, seconds = map(float, match.groups())
            lasted_s = 3600 * hours + 60 * minutes + seconds
            started_s = clock_s + shift_s - lasted_s
            epochs.append(
                {
                    "phase": "epoch",
                    "epoch": entry["epoch"],
                    "started_unix_s": started_s,
                    "duration_s": lasted_s,
                }
            )
    return epochs


def _clock_s(entry: Mapping[str, Any]) -> float | None:
    """When a line was written, in seconds since 1970, as if its clock were in our time zone; None: untold."""
    try:
        return time.mktime(time.strptime(f"{entry.get('date')} {entry.get('time')}", "%m/%d/%Y %H:%M:%S"))
    except (ValueError, OverflowError):
        return None
