"""The cases of a scaling study: training alone, on as many GPUs as the settings say."""

from dataclasses import replace

from harness.measure import cases
from harness.measure.cases import Case
from harness.measure.efficiency import CASE, batches
from harness.measure.plan import Bench
from harness.settings.variables import Settings
from harness.stages import workflow
from harness.workspace.layout import Workspace
from harness.workspace.marker import read_marker


def prepare(settings: Settings) -> str | int | float | bool | None:
    """Do all that comes before training; the digest of the data."""
    for ending in workflow.run(settings, ["tune-bdb", "convert-data"], verbose=False):
        if ending.error is not None:
            raise ending.error
    split = read_marker(Workspace(settings.workspace), "gen-valid")
    return split.outcome if split else None


def scaled(settings: Settings, plan: Bench) -> tuple[Case, ...]:
    """Strong and weak scaling, which take turns."""
    found = []
    for kind, batch in batches(settings).items():
        block = cases.block(replace(settings, batch=batch), plan, f"block-{batch}")
        found.append(Case(name=CASE, stage="train", settings=block, batch=batch, scaling=kind))
    return tuple(found)
