"""What the stages that hand an experiment spec to the engine share: the spec filled in, and the trained model."""

import json
from pathlib import Path
from typing import Any

from harness.engine.answers import checkpoints
from harness.engine.request import Engine
from harness.engine.spec_text import anchors_literal, architecture, fill, may_stop_early
from harness.files import write_text
from harness.settings.variables import Settings
from harness.stages.attempt import Attempt
from harness.workspace.layout import Workspace
from harness.workspace.spec_copies import read_template

ANCHORS = "experiment/anchors.json"
WEIGHTS = "experiment/weights"


def template(settings: Settings) -> str:
    """The text of the experiment spec template in force."""
    return read_template(Workspace(settings.workspace), settings.recipe.spec)


def network(settings: Settings) -> str:
    """The name of the network, as TAO writes it into file names: resnet18."""
    return architecture(template(settings), where=settings.recipe.spec)


def spec_inputs(settings: Settings) -> dict[str, Any]:
    """What decides the spec as used, apart from the anchors: those are a product and come in as consumed."""
    return {"spec": template(settings), **_numbers(settings)}


def spec_text(settings: Settings, *, workspace: str, validation: str = "val", starting_point: str = "") -> str:
    """The experiment spec with every blank filled in.

    Args:
        workspace: what stands for the workspace: "." in the spec as used, an absolute path in a run file.
        validation: the split that is evaluated, val or test.
        starting_point: a whole line that names weights, or nothing.
    """
    anchors = json.loads(Workspace(settings.workspace).path(ANCHORS).read_text())
    values = {
        **_numbers(settings),
        **{f"anchors_{scale}": anchors_literal(group) for scale, group in anchors.items()},
        "workspace": workspace,
        "validation": validation,
        "starting_point": starting_point,
    }
    return fill(template(settings), values, where=settings.recipe.spec)


def write_run_file(attempt: Attempt, name: str, **choices: str) -> None:
    """Put a spec with absolute paths where `run_file` says."""
    text = spec_text(attempt.settings, workspace=str(attempt.workspace.root), **choices)
    write_text(run_file(attempt.folder, name), text)


def run_file(folder: Path, name: str) -> Path:
    """The spec that the engine is handed by the attempt in `folder`."""
    return folder / f"{name}.txt"


def trained_model(settings: Settings, engine: Engine) -> Path:
    """The checkpoint of the last epoch; where training stopped early, the newest one."""
    weights = Workspace(settings.workspace).path(WEIGHTS)
    last = weights / f"yolov4_{network(settings)}_epoch_{settings.epochs:03d}{engine.dialect.checkpoint_suffix}"
    found = checkpoints(weights)
    early = may_stop_early(template(settings)) and found and not last.exists()
    return found[-1][1] if early else last


def _numbers(settings: Settings) -> dict[str, str]:
    return {
        "epochs": str(settings.epochs),
        "batch": str(settings.batch),
        "checkpoint_interval": str(min(settings.recipe.checkpoint_interval, settings.epochs)),
        "seed": str(settings.seed),
    }
