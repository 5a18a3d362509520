"""Checkpoints: what they hold; written whole or not at all, and read without running code in them."""

import dataclasses
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolo_v4.errors import DataError
from yolo_v4.files import written_whole
from yolo_v4.network.device import choose_device, memory_explained
from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import RELEASES, Experiment
from yolo_v4.spec.load import load_experiment

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What must be equal for the weights of two networks to have the same names, shapes and meaning."""

    release: str
    arch: str
    layers: int
    conv_blocks: int
    force_relu: bool
    channels: int
    input_wh: tuple[int, int]
    classes: tuple[str, ...]
    anchors: tuple[Any, ...]
    grid_xy_extend: tuple[float, ...]

    @classmethod
    def of(cls, experiment: Experiment, *, release: str = RELEASES[0]) -> "Identity":
        """The identity of the network that an experiment trains."""
        network = experiment.network
        augmentation = experiment.augmentation
        return cls(
            release=release,
            arch=network.arch,
            layers=network.layers,
            conv_blocks=network.conv_blocks,
            force_relu=network.force_relu,
            channels=augmentation.channels,
            input_wh=(augmentation.width, augmentation.height),
            classes=experiment.classes,
            anchors=network.anchors,
            grid_xy_extend=network.grid_xy_extend,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The state of a training run at the end of an epoch; it holds no time, path or host name."""

    identity: Identity
    weights: dict[str, Tensor]
    average: dict[str, Tensor] | None  # moving average of the weights; where there is one, it is used
    optimizer: dict[str, Any]
    scaler: dict[str, Any]  # scale of the loss; empty unless convolutions compute in float16
    epoch: int  # epochs done
    history: list[dict[str, float]]  # rows of the CSV log so far


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to a temporary file, then rename it, so that `path` is complete or as before."""
    content = {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}
    content["format"] = FORMAT
    content["identity"] = dataclasses.asdict(checkpoint.identity)
    # Through an open file: given a path, torch writes its stem into the bytes.
    try:
        with written_whole(path) as stream:
            torch.save(_canonical(content), stream)
    except RuntimeError as error:
        # Where the disk is full, torch's own message speaks of positions in the file only.
        if isinstance(error.__context__, OSError):
            raise OSError(error.__context__.errno, error.__context__.strerror, str(path)) from error
        raise


def _canonical(value: Any) -> Any:
    """The same values, of which equal strings are one object: pickle writes each object once."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {_canonical(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_canonical(item) for item in value)
    return value


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises DataError: the file is absent, damaged, of another format, or holds anything but tensors and plain
    values.
    """
    remedy = "give a weights/yolov4_*.pt file that `yolo_v4 train` of this version wrote"
    try:
        with path.open("rb") as stream:
            content = torch.load(stream, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"no checkpoint at {path}", remedy=remedy) from error
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} is no checkpoint, or hides code in a pickle: not loaded", remedy=remedy
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # torch.load and pickle raise many kinds for damaged files
        raise DataError(f"{path} is damaged or no checkpoint: {error}", remedy=remedy) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is not a checkpoint of format {FORMAT}", remedy=remedy)
    try:
        fields = {field.name: content[field.name] for field in dataclasses.fields(Checkpoint)}
        fields["identity"] = Identity(**content["identity"])
        return Checkpoint(**fields)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} lacks parts of a checkpoint: {error}", remedy=remedy) from error


def load_same(path: Path, experiment: Experiment, *, release: str = "") -> Checkpoint:
    """Read a checkpoint of the experiment's network, of any release unless one is given.

    Raises DataError: as `load_checkpoint`, or the checkpoint is of another network; says what differs, with
    both values.
    """
    checkpoint = load_checkpoint(path)
    expected = Identity.of(experiment, release=release or checkpoint.identity.release)
    for field in dataclasses.fields(Identity):
        found = getattr(checkpoint.identity, field.name)
        wanted = getattr(expected, field.name)
        if found != wanted:
            raise DataError(
                f"{path} was trained with {field.name} {found}, the spec says {wanted}",
                remedy="use the spec file and --network_release that this model was trained with",
            )
    return checkpoint


def load_network(path: Path, experiment: Experiment) -> Yolo:
    """The trained network of an experiment, in evaluation mode.

    Its weights are the moving average where there is one. Raises DataError: as `load_same`.
    """
    checkpoint = load_same(path, experiment)
    network = build_network(
        experiment.network,
        num_classes=len(experiment.classes),
        channels=experiment.augmentation.channels,
        release=checkpoint.identity.release,
    )
    network.load_state_dict(checkpoint.average or checkpoint.weights)
    return network.eval()


def load_model(path: str, spec: str, gpu_index: Sequence[int] | None) -> tuple[Yolo, Experiment]:
    """A trained network in evaluation mode on its device, and its experiment.

    Raises DetectorError: there is no such GPU, the spec is refused, or the model does not fit the spec.
    """
    device = choose_device(gpu_index)
    experiment = load_experiment(Path(spec))
    with memory_explained("batch_size of eval_config", experiment.evaluation.batch_size):
        return load_network(Path(path), experiment).to(device), experiment
