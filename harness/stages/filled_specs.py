"""The specs of a workspace with every blank filled in, for people who call `yolo_v4` themselves.

They lie in `specs/filled/`, under the names of their templates, and hold absolute paths: so they serve from
any folder, as long as the workspace stays where it is. No stage reads them, and no marker names them.
"""

import os
import re
from pathlib import Path

from harness.engine.spec_text import fill
from harness.errors import ConfigError
from harness.files import write_text
from harness.settings.variables import Settings
from harness.stages.download import pretrained_product
from harness.stages.experiment import ANCHORS, Experiment
from harness.workspace.layout import FILLED_SPECS, Workspace
from harness.workspace.snapshot import Snapshot
from harness.workspace.spec_copies import SPLITS, conversion_template

HEADING = (
    "# Filled in by jamcam for this place of the workspace, and written anew by later runs: edit ../{name}\n"
)


def filled_specs(settings: Settings, snapshot: Snapshot) -> dict[Path, str]:
    """The files and their texts; the validation data are the validation frames.

    Raises:
        ConfigError: a template or the anchors are wrong.
    """
    room, specs = snapshot.workspace, snapshot.specs
    pretrained, root = pretrained_product(settings), str(room.root)
    start = pretrained and f'pretrain_model_path: "{room.path(pretrained)}"'
    texts = {
        settings.recipe.spec: Experiment(settings, snapshot).filled(workspace=root, starting_point=start)
    }
    for name in map(conversion_template, SPLITS):
        texts[name] = fill(specs.template(name), {"workspace": root}, where=name)
    return {room.path(f"{FILLED_SPECS}/{name}"): HEADING.format(name=name) + texts[name] for name in texts}


def fill_in(settings: Settings, snapshot: Snapshot) -> None:
    """Write the filled specs that are not as they should be; nothing where no anchors were found yet.

    Raises:
        ConfigError: as `filled_specs`, or their folder is a link, which may lead out of the workspace.
    """
    room = snapshot.workspace
    if not room.path(ANCHORS).exists():
        return
    for path, text in filled_specs(settings, snapshot).items():
        if link := room.link_before(path):
            raise ConfigError(
                f"{link} is a link, and filled specs would be written there", remedy=f"remove {link}"
            )
        if _text(path) != text:
            write_text(path, text)


def are_elsewhere(settings: Settings, workspace: Workspace) -> bool:
    """Whether the filled specs are missing, or of another place of the workspace, and could be written."""
    path = workspace.path(f"{FILLED_SPECS}/{settings.recipe.spec}")
    there = re.search(rf"[\"']{re.escape(str(workspace.root))}/", _text(path))
    return not there and os.access(workspace.specs, os.W_OK)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
