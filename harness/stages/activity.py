"""What goes on in a workspace, and what earlier tries left there: lines for a person who may only read it."""

import contextlib
import re
import time
from collections.abc import Sequence
from pathlib import Path

from harness.clock import unix_s, utc
from harness.engine.answers import read_status
from harness.files import read_json
from harness.settings.variables import Settings
from harness.stages.attempt import is_try_of, read_outcome
from harness.stages.train import RESULTS, Train, furthest
from harness.text import duration
from harness.verdict import Verdict
from harness.workspace.layout import OUTCOME, REQUEST, Workspace, staged
from harness.workspace.lock import UNREADABLE, holder_of, is_alive
from harness.workspace.marker import STAGES, digest_of

ETA = re.compile(r"(?:(\d+) days?, )?(\d+):(\d+):([\d.]+)")  # as Python writes a timedelta


def activity(settings: Settings, undone: Sequence[str]) -> list[str]:
    """The run under way, failed tries of the stages in `undone`, and checkpoints to continue from.

    Empty where nobody works and nothing is left to do.
    """
    workspace = Workspace(settings.workspace)
    holder = _holder(workspace)
    at_work = stages_at_work(workspace) if holder else {}
    lines = _run_under_way(workspace, holder, at_work) if holder else []
    for stage in undone:
        if stage not in at_work:
            lines += _failed_try(workspace, stage)
    if "train" in undone and "train" not in at_work:
        lines += _kept_checkpoints(settings)
    return lines


def stages_at_work(workspace: Workspace) -> dict[str, Path]:
    """The stages that the run which holds the workspace is at, and the folders of its attempts."""
    since_s = _changed_s(workspace.lock)
    newest = {stage: _newest(workspace, stage) for stage in STAGES}
    return {
        stage: folder
        for stage, folder in newest.items()
        if folder and not (folder / OUTCOME).exists() and _started_s(folder) >= since_s - 1
    }


def _holder(workspace: Workspace) -> str:
    """Who holds the workspace, and what is known of them; "" where nobody does."""
    holder = holder_of(workspace)
    if holder == UNREADABLE:
        return f"{_owner(workspace.lock)}, whose lock cannot be read"
    if holder is None:
        return ""
    gone = is_alive(holder, lambda job: False) is Verdict.NO
    return f"{holder}{' (no such process is seen here: gone, or in a container)' if gone else ''}"


def _owner(path: Path) -> str:
    with contextlib.suppress(OSError, KeyError):
        return f"user {path.owner()}"
    return "somebody"


def _run_under_way(workspace: Workspace, holder: str, at_work: dict[str, Path]) -> list[str]:
    lines = [f"held since {_moment(_changed_s(workspace.lock))} by {holder}"]
    for stage, folder in at_work.items():
        lasted = duration(max(time.time() - _started_s(folder), 0.0))
        lines.append(f"  {', '.join([f'{stage} for {lasted}', *_epoch(staged(folder, RESULTS))])}")
    return lines


def _epoch(results: Path) -> list[str]:
    """Which epoch a training is at, and how long the rest will take; empty before the first one is over."""
    told = [
        entry
        for entry in read_status(results)
        if isinstance(entry.get("epoch"), int) and isinstance(entry.get("max_epoch"), int)
    ]
    if not told:
        return []
    done, total = told[-1]["epoch"], told[-1]["max_epoch"]
    words = [f"epoch {min(done + 1, total)} of {total}"]
    if match := ETA.fullmatch(str(told[-1].get("eta"))):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        said_s = 86400 * days + 3600 * hours + 60 * minutes + seconds
        left_s = said_s - (time.time() - _changed_s(results / "status.json"))
        words.append(f"about {duration(max(left_s, 0.0))} left")
    return words


def _failed_try(workspace: Workspace, stage: str) -> list[str]:
    folder = _newest(workspace, stage)
    outcome = read_outcome(folder) if folder else None
    if folder is None or (outcome and outcome["status"] == "done"):
        return []
    status, when, why = "ended", _started_s(folder), "without a word; it was killed, or the disk was full"
    if outcome:
        status, why = outcome["status"], outcome["message"].removeprefix(f"{stage}: ")
        with contextlib.suppress(ValueError):
            when = unix_s(outcome["finished_utc"])
    return [f"{stage} {status} at {_moment(when)}: {why} ({folder})"]


def _kept_checkpoints(settings: Settings) -> list[str]:
    """What the next train would go on from."""
    stage = Train(settings)
    own = (digest_of(stage.ingredients()), stage.canonical_fingerprint())
    tries = [folder for folder in _attempts(stage.workspace, "train") if is_try_of(folder, *own)]
    _, saved = furthest(tries, settings.epochs)
    epochs = [f"{epoch} of {settings.epochs} epochs" for epoch, _ in saved[-1:]]
    return [f"train: {kept} kept: the next train goes on from there" for kept in epochs]


def _attempts(workspace: Workspace, stage: str) -> list[Path]:
    folder = workspace.attempts / stage
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _newest(workspace: Workspace, stage: str) -> Path | None:
    return next(reversed(_attempts(workspace, stage)), None)


def _started_s(folder: Path) -> float:
    with contextlib.suppress(KeyError, ValueError):
        return unix_s(str(read_json(folder / REQUEST)["started_utc"]))
    return _changed_s(folder)


def _changed_s(path: Path) -> float:
    """When something was changed last, in seconds of 1970; now, where it is just going away."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return time.time()


def _moment(unix_s: float) -> str:
    return utc(unix_s)[:19].replace("T", " ") + " UTC"
