"""What goes on in a workspace, and what earlier tries left there, for a person who may only read it."""

import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.clock import unix_s, utc
from harness.engine.answers import read_status
from harness.files import read_json
from harness.settings.variables import Settings
from harness.stages.attempt import is_try_of, read_outcome
from harness.stages.train import RESULTS, Train, furthest
from harness.text import duration
from harness.verdict import Verdict
from harness.workspace.layout import OUTCOME, REQUEST, STATUS, Workspace, staged
from harness.workspace.lock import UNREADABLE, holder_of, is_alive
from harness.workspace.marker import STAGES, digest_of

ETA = re.compile(r"(?:(\d+) days?, )?(\d+):(\d+):([\d.]+)")  # as Python writes a timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class AtWork:
    """A stage that the run under way is at; None where a training has not told it yet."""

    stage: str
    lasted_s: float
    epoch: int | None = None  # which it is at, counted from 1
    epochs: int | None = None
    left_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedTry:
    """The newest try of a stage that did not end well."""

    stage: str
    status: str
    ended_utc: str  # of a try that ended without a word its start
    why: str
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """What goes on in a workspace, and what earlier tries left."""

    holder: str = ""  # who holds it, and what is known of them; "" where nobody does
    held_since_utc: str = ""
    at_work: tuple[AtWork, ...] = ()
    failed: tuple[FailedTry, ...] = ()
    kept_epochs: int = 0  # from which the next training goes on


def activity(settings: Settings, undone: Sequence[str]) -> Activity:
    """The run under way, failed tries of the stages in `undone`, and checkpoints to continue from."""
    workspace = Workspace(settings.workspace)
    holder = _holder(workspace)
    at_work = stages_at_work(workspace) if holder else {}
    tries = [_failed_try(workspace, stage) for stage in undone if stage not in at_work]
    trains_next = "train" in undone and "train" not in at_work
    return Activity(
        holder=holder,
        held_since_utc=utc(_changed_s(workspace.lock)) if holder else "",
        at_work=tuple(_at_work(stage, folder) for stage, folder in at_work.items()),
        failed=tuple(one for one in tries if one),
        kept_epochs=_kept_epochs(settings) if trains_next else 0,
    )


def activity_lines(found: Activity, *, epochs: int) -> list[str]:
    """The same in words; empty where nobody works and nothing is left to do.

    Args:
        epochs: that the next training is asked for.
    """
    lines = [f"held since {_moment(found.held_since_utc)} by {found.holder}"] if found.holder else []
    for one in found.at_work:
        words = [f"{one.stage} for {duration(one.lasted_s)}"]
        words += [f"epoch {one.epoch} of {one.epochs}"] if one.epoch else []
        words += [f"about {duration(one.left_s)} left"] if one.left_s is not None else []
        lines.append(f"  {', '.join(words)}")
    lines += [
        f"{each.stage} {each.status} at {_moment(each.ended_utc)}: {each.why} ({each.folder})"
        for each in found.failed
    ]
    if found.kept_epochs:
        lines.append(f"train: {found.kept_epochs} of {epochs} epochs kept: the next train goes on from there")
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


def _at_work(stage: str, folder: Path) -> AtWork:
    lasted_s = max(time.time() - _started_s(folder), 0.0)
    results = staged(folder, RESULTS)
    told = [
        entry
        for entry in read_status(results)
        if isinstance(entry.get("epoch"), int) and isinstance(entry.get("max_epoch"), int)
    ]
    if not told:
        return AtWork(stage=stage, lasted_s=lasted_s)
    done, total = told[-1]["epoch"], told[-1]["max_epoch"]
    return AtWork(
        stage=stage,
        lasted_s=lasted_s,
        epoch=min(done + 1, total),
        epochs=total,
        left_s=_left_s(str(told[-1].get("eta")), results),
    )


def _left_s(eta: str, results: Path) -> float | None:
    """How long the rest of a training will take, by what it wrote last; None where that is no time."""
    match = ETA.fullmatch(eta)
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    said_s = 86400 * days + 3600 * hours + 60 * minutes + seconds
    return max(said_s - (time.time() - _changed_s(results / STATUS)), 0.0)


def _failed_try(workspace: Workspace, stage: str) -> FailedTry | None:
    folder = _newest(workspace, stage)
    outcome = read_outcome(folder) if folder else None
    if folder is None or (outcome and outcome["status"] == "done"):
        return None
    status, when, why = "ended", _started_s(folder), "without a word; it was killed, or the disk was full"
    if outcome:
        status, why = outcome["status"], outcome["message"].removeprefix(f"{stage}: ")
        with contextlib.suppress(ValueError):
            when = unix_s(outcome["finished_utc"])
    return FailedTry(stage=stage, status=status, ended_utc=utc(when), why=why, folder=folder)


def _kept_epochs(settings: Settings) -> int:
    """What the next train would go on from: epochs of a checkpoint, 0 where there is none."""
    stage = Train(settings)
    own = (digest_of(stage.ingredients()), stage.canonical_fingerprint())
    tries = [folder for folder in _attempts(stage.workspace, "train") if is_try_of(folder, *own)]
    _, saved = furthest(tries, settings.epochs)
    return saved[-1][0] if saved else 0


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


def _moment(moment_utc: str) -> str:
    return moment_utc[:19].replace("T", " ") + " UTC"
