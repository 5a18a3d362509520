"""The nine stages as one workflow, and the single call into luigi's scheduler."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import luigi
from luigi.rpc import RemoteScheduler
from luigi.scheduler import Scheduler
from luigi.worker import Worker

from harness.errors import HarnessError, StageFailed
from harness.settings.variables import Settings
from harness.stages.attempt import read_outcome
from harness.stages.base import Stage
from harness.stages.convert_data import ConvertData
from harness.stages.download import Download
from harness.stages.eval import Eval
from harness.stages.export import Export
from harness.stages.gen_valid import GenValid
from harness.stages.train import Train
from harness.stages.tune_bdb import TuneBdb
from harness.stages.verify import Verify
from harness.stages.vis import Vis
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, Marker, read_marker
from harness.workspace.spec_copies import SPLITS, conversion_template, lay_out

KINDS: dict[str, type[Stage]] = {
    kind.stage: kind for kind in (Download, Verify, GenValid, TuneBdb, ConvertData, Train, Eval, Vis, Export)
}
# tune-bdb and convert-data do not depend on each other.
WORKERS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What became of one stage in this run. `outcome` is "done", "kept", "failed" or "not reached"."""

    stage: str
    outcome: str
    marker: Marker | None = None
    error: HarnessError | None = None
    log: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a run would do for one stage: `reasons` are empty where nothing, `argv` where no program is run."""

    stage: str
    marker: Marker | None
    reasons: tuple[str, ...]
    argv: tuple[tuple[str, ...], ...] = ()


class _Luigi:
    """Where luigi finds its scheduler and worker, whatever configuration the machine has."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"http://127.0.0.1:{settings.scheduler}/" if settings.scheduler else ""

    def create_local_scheduler(self) -> Scheduler:
        return Scheduler(prune_on_get_work=True, record_task_history=False)

    def create_remote_scheduler(self, url: str) -> RemoteScheduler:
        return RemoteScheduler(self._url)

    def create_worker(self, scheduler: Any, worker_processes: int, assistant: bool = False) -> Worker:
        # luigi calls a task that made nothing a success unless it is told to look again.
        options = {"check_complete_on_run": True, "wait_interval": 0.1, "wait_jitter": 0.0}
        return Worker(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant, **options)


def run(settings: Settings, names: Sequence[str], *, verbose: bool) -> list[Ending]:
    """Run the named stages and what they need that is not done.

    Returns:
        One ending for each of them, in the order of the workflow.
    """
    wanted = needed(names)
    lay_out(Workspace(settings.workspace), templates(settings))
    before = {stage: _attempts(settings, stage) for stage in wanted}
    level = "INFO" if verbose else "CRITICAL"
    logging.getLogger("luigi").setLevel(level)
    luigi.build(
        [KINDS[stage](settings=settings) for stage in wanted if stage in names],
        worker_scheduler_factory=_Luigi(settings),
        workers=WORKERS,
        local_scheduler=not settings.scheduler,
        log_level=level,
    )
    return [_ending(settings, stage, before[stage]) for stage in wanted]


def needed(names: Sequence[str]) -> list[str]:
    """The named stages and all they depend on, in the order of the workflow."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += [kind.stage for kind in KINDS[name].upstream]
    return [stage for stage in STAGES if stage in found]


def survey(settings: Settings, names: Sequence[str]) -> list[Step]:
    """What would happen to the named stages and what they need, and why; nothing runs."""
    tasks = {stage: KINDS[stage](settings=settings) for stage in needed(names)}
    own = {stage: task.own_reasons() for stage, task in tasks.items()}
    steps = []
    for stage, task in tasks.items():
        first = [f"{other} comes first: {own[other][0]}" for other in needed([stage])[:-1] if own[other]]
        steps.append(_step(task, (*own[stage], *first)))
    return steps


def templates(settings: Settings) -> tuple[str, ...]:
    """File names of the spec templates this recipe uses."""
    return (settings.recipe.spec, *(conversion_template(split) for split in SPLITS))


def _step(task: Stage, reasons: tuple[str, ...]) -> Step:
    argv = task.commands(task.workspace.attempts / task.stage / "NEW") if reasons else ()
    return Step(stage=task.stage, marker=read_marker(task.workspace, task.stage), reasons=reasons, argv=argv)


def _ending(settings: Settings, stage: str, before: frozenset[str]) -> Ending:
    workspace = Workspace(settings.workspace)
    marker = read_marker(workspace, stage)
    tried = sorted(_attempts(settings, stage) - before)
    if not tried:
        kept = KINDS[stage](settings=settings).complete()
        return Ending(stage=stage, outcome="kept" if kept else "not reached", marker=marker)
    folder = workspace.attempts / stage / tried[-1]
    log, outcome = folder / "console.log", read_outcome(folder)
    if outcome and outcome["status"] == "done":
        return Ending(stage=stage, outcome="done", marker=marker, log=log)
    return Ending(stage=stage, outcome="failed", error=_error(settings, stage, outcome, log), log=log)


def _error(settings: Settings, stage: str, outcome: dict[str, Any] | None, log: Path) -> HarnessError:
    if outcome is None:
        return StageFailed(
            f"{stage} ended without a word; it may have been killed, or disk or memory was full",
            remedy=f"read {log}, make room, then go on with: {settings.command(stage)}",
        )
    error = HarnessError(outcome["message"], remedy=outcome["remedy"])
    error.exit_status = outcome["exit_status"]
    return error


def _attempts(settings: Settings, stage: str) -> frozenset[str]:
    folder = Workspace(settings.workspace).attempts / stage
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
