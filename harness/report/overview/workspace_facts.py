"""One workspace as facts: its stages and tries, settings, learning, scores, time and cost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from harness.errors import CannotTell, ConfigError, DataError, HarnessError
from harness.measure.band import read_band
from harness.measure.cost import Cost, cost
from harness.measure.time_parts import spent_of_tries
from harness.measure.trained import is_of_one_training, read_trained
from harness.measure.uses import uses_of_workspace
from harness.queue.notes import QueuedRun
from harness.queue.states import Allocation
from harness.report.overview.accuracy import Accuracy, accuracy
from harness.report.overview.facts import BandFacts, RunFacts, SettingFact, StageFacts
from harness.report.overview.found import Told, read_found, read_told
from harness.report.overview.learning import read_learning
from harness.report.overview.pictures import pictures_of
from harness.report.overview.words import without_folders
from harness.stages.tries import Try, read_tries
from harness.text import one_line
from harness.verdict import Verdict
from harness.workspace.kept import every_set, summary
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, Marker, read_ingredients, read_marker

STALE = (
    "scores and detections, which are of another training than the one that lies there; "
    "`make eval` judges that one"
)
PLAIN_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")  # of a recipe in specs: no path
NUMBERS = ("epochs", "batch", "seed")  # of a run, that the ingredients of train tell


class Declared(Protocol):
    """What somebody says of the machine, which is on no disk."""

    @property
    def power_w(self) -> float | None:
        """Of one machine."""

    @property
    def gco2e_per_kwh(self) -> float | None:
        """Grams of carbon dioxide equivalent."""


def run_facts(path: Path, *, name: str, folder: str, declared: Declared) -> RunFacts:
    """The facts of the workspace at `path`, whatever of one is there.

    Args:
        name: by which it is shown.
        folder: how a link leads to it.
    """
    workspace = Workspace(path)
    markers = {stage: read_marker(workspace, stage) for stage in STAGES}
    tries = [_for_strangers(one) for one in read_tries(workspace)]
    allocations, unread = _allocations(workspace)
    there = {stage: marker for stage, marker in markers.items() if marker}
    is_stale = "eval" in there and not is_of_one_training(there)
    scores, judged, notes = (None, None, (STALE,)) if is_stale else _judged(workspace)
    made = {stage: marker.fingerprint for stage, marker in markers.items() if marker}
    queue_s = sum(max(each.started_s - each.eligible_s, 0.0) for each in allocations)
    settings = _settings(workspace, tries)
    return RunFacts(
        name=name,
        folder=folder,
        stages=tuple(_stage(stage, marker) for stage, marker in markers.items()),
        tries=tuple(tries),
        settings=tuple(settings),
        computed_by=_computed_by(markers["train"]),
        aside=summary(aside) if (aside := every_set(workspace)) else "",
        learning=read_learning(workspace),
        scores=scores,
        accuracy=judged,
        pictures=pictures_of(judged.worst, workspace.data / "test" / "images") if judged else (),
        notes=notes,
        band=_band(workspace, settings, there),
        spent=spent_of_tries(tries, made, queue_s=queue_s),
        cost=_cost(tries, allocations, unread, declared),
    )


def _for_strangers(one: Try) -> Try:
    message, remedy, why = (without_folders(text) for text in (one.message, one.remedy, one.why))
    return replace(one, message=message, remedy=remedy, why=why)


def workspace_cost(path: Path, *, declared: Declared) -> Cost:
    """What was spent in the workspace at `path`."""
    workspace = Workspace(path)
    return _cost(read_tries(workspace), *_allocations(workspace), declared)


def _cost(tries: Sequence[Try], allocations: Sequence[Allocation], unread: int, declared: Declared) -> Cost:
    uses = uses_of_workspace(tries, allocations, unread)
    return cost(uses, power_w=declared.power_w, gco2e_per_kwh=declared.gco2e_per_kwh)


def _judged(workspace: Workspace) -> tuple[Told | None, Accuracy | None, tuple[str, ...]]:
    """Scores and accuracy as far as they are there, and notes on what is left out."""
    told = read_told(workspace)
    try:
        found = read_found(workspace)
    except DataError as error:
        return told, None, (f"{error.message}: {error.remedy}",)
    return told, accuracy(found, told) if found else None, ()


def _stage(stage: str, marker: Marker | None) -> StageFacts:
    return StageFacts(
        stage=stage,
        finished_utc=one_line(marker.finished_utc) if marker else "",
        took_s=marker.duration_s if marker else None,
    )


def _settings(workspace: Workspace, tries: Sequence[Try]) -> list[SettingFact]:
    """As the newest try of the last stage that tells them was run; else what the marker of train knows."""
    for one in sorted(tries, key=lambda one: (one.stage == "train", one.started_s or 0.0), reverse=True):
        if one.settings:
            return [
                SettingFact(name=name, value=value, origin=origin)
                for name, (value, origin) in one.settings.items()
            ]
    inputs = read_ingredients(workspace, "train").get("inputs")
    known: Mapping[str, object] = inputs if isinstance(inputs, dict) else {}
    return [
        SettingFact(name=name, value=one_line(str(known[name])), origin="")
        for name in NUMBERS
        if name in known
    ]


def _band(
    workspace: Workspace, settings: Sequence[SettingFact], markers: Mapping[str, Marker]
) -> BandFacts | None:
    """The band of the recipe as the run names it; None where it has none, or names no file in specs."""
    recipe = next((one.value for one in settings if one.name == "recipe"), "")
    if not PLAIN_NAME.fullmatch(recipe) or "eval" not in markers:
        return None
    try:
        band = read_band(recipe)
        if band is None:
            return None
        trained = read_trained(workspace, markers)
    except (ConfigError, DataError, OSError) as error:
        told = error.message if isinstance(error, HarnessError) else str(error)
        why = without_folders(one_line(told))
        return BandFacts(seeds=0, is_inside=Verdict.CANNOT_TELL, why=why, bounds={})
    landing = band.landing(trained.values, trained.settings)
    bounds = {
        one_line(name): (one.low, one.high)
        for name, one in band.quantities.items()
        if one.low is not None and one.high is not None
    }
    return BandFacts(
        seeds=band.n, is_inside=landing.verdict, why=without_folders(one_line(landing.words)), bounds=bounds
    )


def _computed_by(marker: Marker | None) -> str:
    if marker is None or marker.engine is None:
        return ""
    told = [f"{name} {value}" for each in marker.numerics for name, value in sorted(each.items())]
    return one_line(f"{marker.engine_words}; {', '.join(dict.fromkeys(told))}")


def _allocations(workspace: Workspace) -> tuple[list[Allocation], int]:
    """What jobs had of nodes and are over, and of how many runs nobody can read the notes."""
    found: list[Allocation] = []
    unread = 0
    folders = sorted(path for path in workspace.jobs.glob("*") if path.is_dir())
    for run in (QueuedRun(folder=folder, command=()) for folder in folders):
        try:
            found += run.allocations(are_over=True)
        except (CannotTell, OSError, LookupError, ValueError, TypeError):
            unread += 1
    return found, unread
