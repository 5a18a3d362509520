"""One workspace as facts: its stages and tries, settings, learning, scores, time and cost."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from harness.measure.cost import Cost, cost
from harness.measure.time_parts import spent_of_tries
from harness.measure.uses import uses_of_workspace
from harness.queue.notes import QueuedRun
from harness.queue.states import Allocation
from harness.report.overview.accuracy import Accuracy, accuracy
from harness.report.overview.facts import RunFacts, SettingFact, StageFacts
from harness.report.overview.found import read_found, read_told
from harness.report.overview.learning import read_learning
from harness.report.overview.pictures import pictures_of
from harness.report.overview.words import without_folders
from harness.stages.tries import Try, read_tries
from harness.text import one_line
from harness.workspace.kept import every_set, summary
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, Marker, read_ingredients, read_marker

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
    tries, allocations = [_for_strangers(one) for one in read_tries(workspace)], _allocations(workspace)
    scores, judged = read_told(workspace), _accuracy(workspace)
    made = {stage: marker.fingerprint for stage, marker in markers.items() if marker}
    queue_s = sum(max(each.started_s - each.eligible_s, 0.0) for each in allocations)
    return RunFacts(
        name=name,
        folder=folder,
        stages=tuple(_stage(stage, marker) for stage, marker in markers.items()),
        tries=tuple(tries),
        settings=tuple(_settings(workspace, tries)),
        computed_by=_computed_by(markers["train"]),
        aside=summary(aside) if (aside := every_set(workspace)) else "",
        learning=read_learning(workspace),
        scores=scores,
        accuracy=judged,
        pictures=pictures_of(judged.worst, workspace.data / "test" / "images") if judged else (),
        spent=spent_of_tries(tries, made, queue_s=queue_s),
        cost=_cost(tries, allocations, declared),
    )


def _for_strangers(one: Try) -> Try:
    message, remedy, why = (without_folders(text) for text in (one.message, one.remedy, one.why))
    return replace(one, message=message, remedy=remedy, why=why)


def workspace_cost(path: Path, *, declared: Declared) -> Cost:
    """What was spent in the workspace at `path`."""
    workspace = Workspace(path)
    return _cost(read_tries(workspace), _allocations(workspace), declared)


def _cost(tries: Sequence[Try], allocations: Sequence[Allocation], declared: Declared) -> Cost:
    uses = uses_of_workspace(tries, allocations)
    return cost(uses, power_w=declared.power_w, gco2e_per_kwh=declared.gco2e_per_kwh)


def _accuracy(workspace: Workspace) -> Accuracy | None:
    found = read_found(workspace)
    return accuracy(found, read_told(workspace)) if found else None


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


def _computed_by(marker: Marker | None) -> str:
    if marker is None or marker.engine is None:
        return ""
    told = [f"{name} {value}" for each in marker.numerics for name, value in sorted(each.items())]
    return one_line(f"{marker.engine.name} {marker.engine.version}; {', '.join(dict.fromkeys(told))}")


def _allocations(workspace: Workspace) -> list[Allocation]:
    """What jobs had of nodes; of notes that make no sense nothing."""
    found: list[Allocation] = []
    with contextlib.suppress(OSError):
        for folder in sorted(path for path in workspace.jobs.iterdir() if path.is_dir()):
            with contextlib.suppress(OSError, LookupError, ValueError, TypeError):
                found += QueuedRun(folder=folder, command=()).allocations()
    return found
