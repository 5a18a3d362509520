"""What a workspace has kept of the work of its jobs, since when, and how fast it trained."""

import contextlib
import math
from pathlib import Path

from harness.engine.answers import read_status, whole_checkpoints
from harness.workspace.layout import Workspace, staged


def kept_unix_s(workspace: Workspace, *, until_s: float = math.inf) -> float:
    """When the last thing was finished that will not be done again: a stage, or a checkpoint of training.

    Args:
        until_s: what was finished later does not count.
    """
    rooms = [workspace, *map(Workspace, workspace.seeds.glob("*"))]
    attempts = [attempt for room in rooms for attempt in (room.attempts / "train").glob("*")]
    results = [staged(attempt, "experiment") for attempt in attempts]
    checkpoints = [path for result in results for _, path in whole_checkpoints(result)]
    markers = [path for room in rooms for path in room.marker("train").parent.glob("*.json")]
    finished_s = map(changed_s, [*markers, *checkpoints])
    return max((each for each in finished_s if each <= until_s), default=0.0)


def images_per_s(workspace: Workspace) -> float | None:
    """The newest rate of training in any attempt; None where none is known."""
    attempts = sorted((workspace.attempts / "train").glob("*"))
    lines = [
        line
        for each in attempts
        for where in (staged(each, "experiment"), each)
        for line in read_status(where)
    ]
    rates = (line.get("images_per_s") for line in reversed(lines))
    return next((float(rate) for rate in rates if isinstance(rate, int | float)), None)


def changed_s(path: Path) -> float:
    """When a file was changed, 0 where there is none."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
