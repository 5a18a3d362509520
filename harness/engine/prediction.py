"""What the engine's `predict` is asked for, with which model, and what it leaves."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness.engine.answers import checkpoints, read_status, require_best
from harness.engine.request import Request
from harness.errors import ConfigError, DataError
from harness.settings.dataset import Dataset
from harness.settings.recipe import BEST
from harness.workspace.layout import Workspace

WEIGHTS = "weights"  # the folder of checkpoints, beside which a training leaves the spec that it used
CLASS_NAMES = "model_output_labels.txt"  # the other text file there
UNREAD_STATUS = 5  # of the engine: all is done but for what could not be read
PLACE = ("camera", "time", "seconds", "frame", "number")  # columns of counts.csv before those of classes


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A model and the spec that it was trained with; None of an .onnx, which explains itself."""

    model: Path
    spec: Path | None


@dataclass(kw_only=True, slots=True)
class CameraCounts:
    """What one camera saw: a value of every list for each picture or frame."""

    camera: str
    times: list[datetime | None] = field(default_factory=list)
    seconds: list[float | None] = field(default_factory=list)  # since the start of a video
    frames: list[str] = field(default_factory=list)  # pictures and videos by name
    counts: dict[str, list[int]] = field(default_factory=dict)  # by class


def find_model(workspace: Workspace, model: str, spec: str, *, checkpoint: str, train: str) -> Trained:
    """The model that was named, or the last or best one that was trained in a workspace, and its spec.

    Args:
        checkpoint: which of those that were trained, last or best.
        train: the command that trains one.

    Raises:
        CannotTell: nothing tells which is the best.
        ConfigError: there is no model, or nothing tells its spec.
    """
    if model:
        path = Path(model).expanduser().absolute()
        if not path.is_file():
            raise ConfigError(f"there is no model at {path}", remedy="correct MODEL")
    else:
        found = checkpoints(workspace.experiment / WEIGHTS)
        if not found:
            raise ConfigError(
                f"no model was trained in {workspace.root}",
                remedy=f"{train}; or give MODEL, a .pt, .hdf5 or .onnx",
            )
        path = require_best(workspace.experiment).path if checkpoint == BEST else found[-1][1]
    if path.suffix.lower() == ".onnx":
        return Trained(model=path, spec=None)
    return Trained(model=path, spec=Path(spec).expanduser().absolute() if spec else _spec_beside(path))


def _spec_beside(model: Path) -> Path:
    beside = model.parent.parent.glob("*.txt") if model.parent.name == WEIGHTS else ()
    found = [path for path in sorted(beside) if path.name != CLASS_NAMES]
    if len(found) != 1:
        raise ConfigError(
            f"nothing tells the spec that {model} was trained with", remedy="give SPEC, or export it as .onnx"
        )
    return found[0]


def own_names(workspace: Workspace, model: Path) -> dict[str, str]:
    """The user's names of classes by those of the spec, where they differ; of models in the workspace."""
    names = workspace.frames / "obj.names"
    if workspace.root not in model.parents or not names.is_file():
        return {}
    classes = tuple(names.read_text(encoding="utf-8").split("\n")[:-1])
    return Dataset(name="", title="", archive="", classes=classes).own_names


def predict_request(trained: Trained, inputs: Sequence[Path], out: Path, flags: Sequence[str]) -> Request:
    """The call of the engine."""
    words = ["-m", str(trained.model), *(["-e", str(trained.spec)] if trained.spec else ())]
    words += ["-r", str(out), *flags, "-i", *map(str, inputs)]
    return Request(subcommand="predict", arguments=tuple(words), results=out)


def read_facts(out: Path) -> dict[str, object]:
    """What the engine counted, by its last line in status.json; empty where it told nothing."""
    lines = read_status(out)
    facts = lines[-1].get("kpi") if lines else None
    return facts if isinstance(facts, dict) else {}


def read_counts(path: Path) -> list[CameraCounts]:
    """The counts that the engine left, by camera.

    Raises:
        DataError: the file is none of its.
    """
    cameras: dict[str, CameraCounts] = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            classes = next(rows)[len(PLACE) :]
            for (camera, time, seconds, frame, _), counts in (
                (row[: len(PLACE)], row[len(PLACE) :]) for row in rows
            ):
                if camera not in cameras:
                    cameras[camera] = CameraCounts(camera=camera, counts={name: [] for name in classes})
                one = cameras[camera]
                one.times.append(datetime.fromisoformat(time) if time else None)
                one.seconds.append(float(seconds) if seconds else None)
                one.frames.append(frame)
                for name, count in zip(classes, counts, strict=True):
                    one.counts[name].append(int(count))
    except (OSError, ValueError, StopIteration, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read: {error}", remedy="the same command again writes it"
        ) from error
    return list(cameras.values())
