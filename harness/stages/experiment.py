"""The experiment spec of a run: its template, what follows from it, and the text given to the engine."""

import functools
import json
from pathlib import Path
from typing import Any

from harness.engine.answers import best_checkpoint, checkpoints, require_best
from harness.engine.request import Engine
from harness.engine.spec_text import anchors_literal, architecture, fill, may_stop_early, numbers_of_run
from harness.errors import ConfigError
from harness.files import write_text
from harness.settings.recipe import BEST
from harness.settings.variables import Settings
from harness.workspace.layout import Workspace
from harness.workspace.snapshot import Snapshot

ANCHORS = "experiment/anchors.json"
WEIGHTS = "experiment/weights"


class Experiment:
    """The experiment spec of `settings`. Its template is read once: a change meanwhile concerns the next run.

    Args:
        snapshot: what is known of the workspace already; without one the template is read anew.
    """

    def __init__(self, settings: Settings, snapshot: Snapshot | None = None) -> None:
        self._settings = settings
        self._workspace = Workspace(settings.workspace)
        self._snapshot = snapshot or Snapshot(self._workspace)

    @functools.cached_property
    def template(self) -> str:
        """The text of the experiment spec template in force."""
        return self._snapshot.specs.template(self._settings.recipe.spec)

    @property
    def network(self) -> str:
        """The name of the network, as TAO writes it into file names: resnet18."""
        return architecture(self.template, where=self._settings.recipe.spec)

    def inputs(self) -> dict[str, Any]:
        """What decides the spec as used, apart from the anchors, which are a product and so consumed."""
        return {"spec": self.template, **numbers_of_run(self._settings)}

    def filled(self, *, workspace: str, validation: str = "val", starting_point: str = "") -> str:
        """The experiment spec with every blank filled in.

        Args:
            workspace: what stands for the workspace: "." in the spec as used, an absolute path in a run file.
            validation: the split that is evaluated, val or test.
            starting_point: a whole line that names weights, or nothing.
        """
        values = {
            **numbers_of_run(self._settings),
            **self._anchors(),
            "workspace": workspace,
            "validation": validation,
            "starting_point": starting_point,
        }
        return fill(self.template, values, where=self._settings.recipe.spec)

    def _anchors(self) -> dict[str, str]:
        """The blanks that tune-bdb fills, and what with."""
        path = self._workspace.path(ANCHORS)
        try:
            groups = json.loads(path.read_text())
            return {f"anchors_{scale}": anchors_literal(group) for scale, group in groups.items()}
        except (ValueError, TypeError, AttributeError, RecursionError) as error:  # edited since
            raise ConfigError(
                f"no anchors can be read from {path}",
                remedy=f"remove it, then: {self._settings.command('tune-bdb')}",
            ) from error

    def write_run_file(self, folder: Path, name: str, *, inputs: Path | None = None, **choices: str) -> None:
        """Put a spec with absolute paths where `run_file` says.

        Args:
            inputs: the folder that stands for the workspace, where its data was copied.
        """
        workspace = str(inputs or self._workspace.root)
        write_text(run_file(folder, name), self.filled(workspace=workspace, **choices))

    def trained_model(self, engine: Engine) -> Path:
        """The checkpoint of the last epoch, where training stopped early the newest one; or the best one.

        Where nobody knows the best one, as before training, a name stands for it: see `require_choice`.
        """
        weights = self._workspace.path(WEIGHTS)
        suffix = engine.dialect.checkpoint_suffix
        if self._settings.checkpoint == BEST:
            best = best_checkpoint(weights.parent)
            return best.path if best else weights / f"yolov4_{self.network}_epoch_{BEST}{suffix}"
        last = weights / f"yolov4_{self.network}_epoch_{self._settings.epochs:03d}{suffix}"
        if last.exists() or not may_stop_early(self.template):
            return last
        found = checkpoints(weights)
        return found[-1][1] if found else last

    def choice(self) -> dict[str, Any]:
        """What decides which checkpoint is taken, besides training; nothing where it is the last one."""
        chosen = self._settings.checkpoint
        return {"checkpoint": chosen} if chosen == BEST else {}

    def require_choice(self) -> None:
        """Refuse to go on with the best checkpoint where nobody knows which that is.

        Raises:
            CannotTell: the training log does not tell.
        """
        if self._settings.checkpoint == BEST:
            require_best(self._workspace.experiment)


def run_file(folder: Path, name: str) -> Path:
    """The spec that the engine is handed by the attempt in `folder`."""
    return folder / f"{name}.txt"
