"""The nine stages as one workflow: what would run and why, running it, and what became of each stage."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from harness.workspace.layout import LOG, Workspace
from harness.workspace.marker import STAGES, Marker, read_marker
from harness.workspace.snapshot import Snapshot
from harness.workspace.spec_copies import SPLITS, conversion_template

KINDS: dict[str, type[Stage]] = {
    kind.name: kind for kind in (Download, Verify, GenValid, TuneBdb, ConvertData, Train, Eval, Vis, Export)
}


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
    """What a run would do for a stage: `reasons` are empty where nothing, `argv` where no program runs."""

    stage: str
    marker: Marker | None
    reasons: tuple[str, ...]
    argv: tuple[tuple[str, ...], ...] = ()


class _Look:
    """The named stages and what they need, as one look at the workspace finds them."""

    def __init__(self, settings: Settings, names: Collection[str]) -> None:
        self.snapshot = Snapshot(Workspace(settings.workspace))
        self.stages = {name: KINDS[name](settings, self.snapshot) for name in needed(names)}
        self.own = {name: stage.own_reasons() for name, stage in self.stages.items()}
        self.specs = templates(settings)

    def reasons(self, name: str) -> tuple[str, ...]:
        """Why the stage would run, in words: its own reasons, and stages that come first."""
        first = [
            f"{other} comes first: {self.own[other][0]}" for other in needed([name])[:-1] if self.own[other]
        ]
        return (*self.own[name], *first)

    def done(self) -> set[str]:
        """Names of the stages that would not run."""
        return {name for name in self.stages if not self.reasons(name)}

    def kept(self, name: str) -> Ending:
        """The ending of a stage that was done before."""
        return Ending(stage=name, outcome="kept", marker=self.snapshot.marker(name))


def run(settings: Settings, names: Sequence[str], *, verbose: bool) -> list[Ending]:
    """Run the named stages and what they need that is not done.

    Returns:
        One ending for each of them, in the order of the workflow.
    """
    look = _Look(settings, names)
    look.snapshot.specs.lay_out(look.specs)
    done = look.done()
    if len(done) < len(look.stages):
        from harness.stages.scheduling import run_stages  # luigi

        before = {name: _attempts(settings, name) for name in look.stages}
        # luigi walks through all that a task needs, and for each task anew: the last ones bring the others.
        brought = {other for name in names for other in needed([name]) if other != name}
        run_stages(
            settings, [KINDS[name] for name in names if name not in brought], done=done, verbose=verbose
        )
        return _endings(settings, before)
    return [look.kept(name) for name in look.stages]


def kept(settings: Settings, names: Sequence[str]) -> list[Ending]:
    """The endings of a run that needs no lock; empty where there is something to do, or the lock is held."""
    if Workspace(settings.workspace).lock.exists():
        return []
    look = _Look(settings, names)
    idle = len(look.done()) == len(look.stages) and not look.snapshot.specs.outdated(look.specs)
    return [look.kept(name) for name in look.stages] if idle else []


def needed(names: Collection[str]) -> list[str]:
    """The named stages and all they depend on, in the order of the workflow."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += [kind.name for kind in KINDS[name].upstream]
    return [stage for stage in STAGES if stage in found]


def survey(settings: Settings, names: Collection[str]) -> list[Step]:
    """What would happen to the named stages and what they need, and why; nothing runs."""
    look = _Look(settings, names)
    steps = []
    for name, stage in look.stages.items():
        reasons = look.reasons(name)
        argv = stage.commands(stage.workspace.attempts / name / "NEW") if reasons else ()
        steps.append(Step(stage=name, marker=look.snapshot.marker(name), reasons=reasons, argv=argv))
    return steps


def templates(settings: Settings) -> tuple[str, ...]:
    """File names of the spec templates this recipe uses."""
    return (settings.recipe.spec, *(conversion_template(split) for split in SPLITS))


def _endings(settings: Settings, before: Mapping[str, frozenset[str]]) -> list[Ending]:
    """What became of the stages in `before`, which holds the attempts that each had before the run."""
    tried = {name: sorted(_attempts(settings, name) - names) for name, names in before.items()}
    look = _Look(settings, [name for name, attempts in tried.items() if not attempts])
    endings = []
    for name, attempts in tried.items():
        if attempts:
            endings.append(_ending(settings, name, attempts[-1]))
        else:
            endings.append(
                Ending(stage=name, outcome="not reached") if look.reasons(name) else look.kept(name)
            )
    return endings


def _ending(settings: Settings, stage: str, attempt: str) -> Ending:
    workspace = Workspace(settings.workspace)
    folder = workspace.attempts / stage / attempt
    log, outcome = folder / LOG, read_outcome(folder)
    if outcome and outcome["status"] == "done":
        return Ending(stage=stage, outcome="done", marker=read_marker(workspace, stage), log=log)
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
