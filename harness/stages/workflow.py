"""The nine stages as one workflow: what would run and why, running it, and what became of each stage."""

import functools
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import CannotTell, HarnessError, StageFailed
from harness.process.signals import Interrupted
from harness.settings.variables import Settings
from harness.stages.attempt import early_end, own_attempt, read_outcome
from harness.stages.base import Stage
from harness.stages.convert_data import ConvertData
from harness.stages.download import Download
from harness.stages.eval import Eval
from harness.stages.export import Export
from harness.stages.filled_specs import are_elsewhere, fill_in
from harness.stages.gen_valid import GenValid
from harness.stages.train import Train
from harness.stages.tune_bdb import TuneBdb
from harness.stages.verify import Verify
from harness.stages.vis import Vis
from harness.text import tell
from harness.workspace.kept import every_set, gather, make_room
from harness.workspace.layout import LOG, Workspace
from harness.workspace.marker import STAGES, Marker
from harness.workspace.snapshot import Snapshot
from harness.workspace.spec_copies import SPLITS, conversion_template

if TYPE_CHECKING:
    from harness.stages.scheduling import Answer

KINDS: dict[str, type[Stage]] = {
    kind.name: kind for kind in (Download, Verify, GenValid, TuneBdb, ConvertData, Train, Eval, Vis, Export)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What became of one stage in this run.

    `outcome` is "done", "taken back", "kept", "failed", "interrupted" or "not reached". Where stages
    have none of the first three, at least one has an error.
    """

    stage: str
    outcome: str
    marker: Marker | None = None
    error: HarnessError | None = None
    log: Path | None = None


class RunInterrupted(Interrupted):
    """A signal ended a run; `endings` are of all its stages."""

    def __init__(self, number: int, endings: Sequence[Ending]) -> None:
        super().__init__(number)
        self.endings = endings


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a run would do for a stage: `reasons` are empty where nothing, `argv` where no program runs.

    `own` are the reasons that do not lie in a stage before it, `after` the stages that it waits for.
    `coming` is the marker it would have without computing anything: of products that it takes back, or its
    own again once the stages before it took theirs back; None where there is none.
    """

    stage: str
    marker: Marker | None
    reasons: tuple[str, ...]
    own: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    argv: tuple[tuple[str, ...], ...] = ()
    coming: Marker | None = None


class _Look:
    """The named stages and what they need, as one look at the workspace finds them."""

    def __init__(self, settings: Settings, names: Collection[str]) -> None:
        self.settings = settings
        self.snapshot = Snapshot(Workspace(settings.workspace))
        self.stages = {name: KINDS[name](settings, self.snapshot) for name in needed(names)}
        self.own = {name: stage.own_reasons() for name, stage in self.stages.items()}
        self.specs = templates(settings)

    def reasons(self, name: str) -> tuple[str, ...]:
        """Why the stage would run, in words: its own reasons, and stages that come first."""
        before = [(other, reason) for other in needed([name])[:-1] for reason in self.own[other]]
        return (*self.own[name], *(f"{other} comes first: {reason}" for other, reason in before))

    def done(self) -> set[str]:
        """Names of the stages that would not run."""
        return {name for name in self.stages if not self.reasons(name)}

    @property
    def fills_in(self) -> bool:
        """Whether this run leaves filled specs: those of the settings that training had."""
        return Train.name in self.stages

    def fill_in(self) -> None:
        """Write the filled specs that are not as they should be."""
        if self.fills_in:
            fill_in(self.settings, self.snapshot)

    @functools.cached_property
    def coming(self) -> dict[str, Marker | None]:
        """The markers that the stages would have once what lies aside is taken back; None: made anew.

        Contents of what lies aside are not looked at.
        """
        markers = {name: self.snapshot.marker(name) for name in self.stages}
        to_come = Snapshot(self.snapshot.workspace)
        to_come.specs, to_come.marker = self.snapshot.specs, markers.__getitem__
        for stage in [KINDS[name](self.settings, to_come) for name in self.stages if self.reasons(name)]:
            if stage.own_reasons():
                kept = stage.lying_aside()
                markers[stage.name] = kept.marker if kept else None
        return markers

    def kept(self, name: str) -> Ending:
        """The ending of a stage that was done before."""
        return Ending(stage=name, outcome="kept", marker=self.snapshot.marker(name))


def run(settings: Settings, names: Sequence[str], *, verbose: bool) -> list[Ending]:
    """Run the named stages and what they need that is not done.

    Returns:
        One ending for each of them, in the order of the workflow.

    Raises:
        RunInterrupted: a signal ended it.
    """
    look = _Look(settings, names)
    look.snapshot.specs.lay_out(look.specs)
    done = look.done()
    if len(done) == len(look.stages):
        look.fill_in()
        return [look.kept(name) for name in look.stages]
    from harness.stages.scheduling import Answer, run_stages  # luigi

    gather(look.snapshot.workspace)
    run_id, aside = os.urandom(8).hex(), every_set(look.snapshot.workspace)
    # luigi walks through all that a task needs, and for each task anew: the last ones bring the others.
    brought = {other for name in names for other in needed([name]) if other != name}
    kinds = [KINDS[name] for name in look.stages if name in names and name not in brought]
    try:
        answer = run_stages(settings, kinds, run_id=run_id, done=done, verbose=verbose)
    except Interrupted as error:
        answer = Answer(early_ends={}, complaint=str(error))
        endings = _endings(_Look(settings, names), run_id, answer, interruption=error)
        raise RunInterrupted(error.signal, endings) from error
    make_room(look.snapshot.workspace, aside, at_most_gib=settings.kept_gib, say=_say)
    final = _Look(settings, names)
    endings = _endings(final, run_id, answer)
    if not any(ending.error for ending in endings):
        final.fill_in()
    return endings


def kept(settings: Settings, names: Sequence[str]) -> list[Ending]:
    """The endings of a run that needs no lock; empty where there is something to do, or the lock is held."""
    if Workspace(settings.workspace).lock.exists():
        return []
    look = _Look(settings, names)
    idle = len(look.done()) == len(look.stages) and not look.snapshot.specs.outdated(look.specs)
    idle = idle and not (look.fills_in and are_elsewhere(settings, look.snapshot.workspace))
    return [look.kept(name) for name in look.stages] if idle else []


def needed(names: Collection[str]) -> list[str]:
    """The named stages and all they depend on, in the order of the workflow."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [kind.name for kind in KINDS[name].upstream]
    return [stage for stage in STAGES if stage in reached]


def survey(settings: Settings, names: Collection[str]) -> list[Step]:
    """What would happen to the named stages and what they need, and why; nothing runs."""
    look = _Look(settings, names)
    return [_step(look, name) for name in look.stages]


def _step(look: _Look, name: str) -> Step:
    stage, reasons = look.stages[name], look.reasons(name)
    aside = reasons and every_set(look.snapshot.workspace)
    coming = look.coming[name] if aside else None
    return Step(
        stage=name,
        marker=look.snapshot.marker(name),
        reasons=reasons,
        own=tuple(look.own[name]),
        after=tuple(kind.name for kind in stage.upstream if look.reasons(kind.name)),
        argv=stage.commands(stage.workspace.attempts / name / "NEW") if reasons and not coming else (),
        coming=coming,
    )


def templates(settings: Settings) -> tuple[str, ...]:
    """File names of the spec templates this recipe uses."""
    return (settings.recipe.spec, *(conversion_template(split) for split in SPLITS))


def _endings(
    look: _Look, run_id: str, answer: "Answer", interruption: Interrupted | None = None
) -> list[Ending]:
    """What became of every stage, by this run's own attempts, and by the markers as they stand in `look`."""
    endings = {name: _ending(look, name, run_id, answer, interruption) for name in look.stages}
    if any(ending.error for ending in endings.values()):
        return list(endings.values())
    missed = next((name for name, ending in endings.items() if ending.outcome == "not reached"), None)
    last = missed or list(endings)[-1]
    again = look.settings.command(last)
    said = [end["message"] for end in answer.early_ends.values() if end]
    why = said[0] if said else answer.complaint or "no reason was given"
    if missed and interruption:
        error: HarnessError = _error(early_end(interruption, stage=missed, again=again))
        endings[missed] = Ending(stage=missed, outcome="interrupted", error=error)
    elif missed:
        error = StageFailed(f"{missed} was not reached: {why}", remedy=again)
        endings[missed] = Ending(stage=missed, outcome="not reached", error=error)
    elif answer.complaint and not interruption:
        words = f"every stage has its marker, but it did not end well: {why}"
        # make knows no such option: with a second word it is the command line of jamcam in either case.
        error = CannotTell(words, remedy=look.settings.command(last, "--verbose"))
        endings[last] = Ending(stage=last, outcome="failed", error=error)
    return list(endings.values())


def _ending(
    look: _Look, name: str, run_id: str, answer: "Answer", interruption: Interrupted | None
) -> Ending:
    workspace, again = look.snapshot.workspace, look.settings.command(name)
    folder = own_attempt(workspace, name, run_id)
    if folder is None and name not in answer.early_ends:
        return look.kept(name) if not look.reasons(name) else Ending(stage=name, outcome="not reached")
    log = folder / LOG if folder else None
    said = (read_outcome(folder) if folder else None) or answer.early_ends.get(name)
    if said and said["status"] == "done":
        if not look.own[name]:
            outcome = "taken back" if said.get("taken_back") else "done"
            return Ending(stage=name, outcome=outcome, marker=look.snapshot.marker(name), log=log)
        error = StageFailed(
            f"{name} was done, and is no longer ({look.own[name][0]}); "
            "does another run work in this workspace?",
            remedy=f"when nobody else works there: {again}",
        )
        said = early_end(error, stage=name, again=again)
    elif not said and interruption:
        said = early_end(interruption, stage=name, again=again)
    elif not said:
        read = f"read {log}, make room" if log else "make room"
        error = StageFailed(
            f"{name} ended without a word; it may have been killed, or disk or memory was full",
            remedy=f"{read}, then go on with: {again}",
        )
        said = early_end(error, stage=name, again=again)
    return Ending(stage=name, outcome=said["status"], error=_error(said), log=log)


def _say(text: str) -> None:
    tell(f"jamcam: {text}")


def _error(said: Mapping[str, Any]) -> HarnessError:
    error = HarnessError(said["message"], remedy=said["remedy"])
    error.exit_status = said["exit_status"]
    return error
