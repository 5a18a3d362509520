"""Checkpoints: what they hold; written whole or not at all, and read without running code in them."""

import argparse
import dataclasses
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolo_v4.errors import DataError, is_out_of_memory
from yolo_v4.files import written_whole
from yolo_v4.network.device import choose_device, memory_explained
from yolo_v4.network.model_file import TRAINED, is_keras_file
from yolo_v4.network.padding import pad_as_tensorflow
from yolo_v4.network.tao_checkpoint import KerasOptimizer, load_tao_network, load_tao_training
from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import RELEASES, Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import resumed_epoch

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
    optimizer: dict[str, Any] | KerasOptimizer  # Keras' where NVIDIA's program wrote the checkpoint
    scaler: dict[str, Any]  # scale of the loss; empty unless convolutions compute in float16
    epoch: int  # epochs done
    history: list[dict[str, float]]  # rows of the CSV log so far
    number_format: str = ""  # of convolutions: fp32, bf16 or fp16; "" where that was not noted


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
    remedy = TRAINED
    if is_keras_file(path):
        raise DataError(f"{path} is a Keras HDF5 file, not a checkpoint of this program", remedy=remedy)
    try:
        with path.open("rb") as stream:
            content = torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} is no checkpoint, or hides code in a pickle: not loaded", remedy=remedy
        ) from error
    except Exception as error:  # torch.load and pickle raise many kinds for damaged files
        if is_out_of_memory(error):
            raise
        raise DataError(f"{path} is damaged or no checkpoint: {error}", remedy=remedy) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is not a checkpoint of format {FORMAT}", remedy=remedy)
    try:
        told = {"number_format": "", **content}  # earlier versions did not note it
        fields = {field.name: told[field.name] for field in dataclasses.fields(Checkpoint)}
        fields["identity"] = Identity(**content["identity"])
        return Checkpoint(**fields)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} lacks parts of a checkpoint: {error}", remedy=remedy) from error


def load_same(path: Path, experiment: Experiment, *, release: str = "") -> Checkpoint:
    """Read a checkpoint of the experiment's network, ours or TAO's, of any release unless one is given.

    Raises DataError: as `load_checkpoint`, or the checkpoint is of another network; says what differs, with
    both values.
    """
    if is_keras_file(path):
        return _of_tao(path, experiment, release)
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


def _of_tao(path: Path, experiment: Experiment, release: str) -> Checkpoint:
    """A checkpoint of NVIDIA's program; like there, the rows of the CSV log begin anew.

    With `model_ema`, NVIDIA's program stores the moving average alone, and goes on from it.
    """
    network, optimizer = load_tao_training(path, experiment, release=release)
    weights = network.state_dict()
    return Checkpoint(
        identity=Identity.of(experiment, release=network.release),
        weights=weights,
        average=weights if experiment.training.ema else None,
        optimizer=optimizer,
        scaler={},
        epoch=resumed_epoch(path),
        history=[],
    )


def load_network(path: Path, experiment: Experiment, *, keras_padding: str | None = None) -> Yolo:
    """The trained network of an experiment, ours or TAO's, in evaluation mode.

    Its weights are the moving average where there is one. `keras_padding`: one of `KERAS_PADDINGS`, for a
    model of TAO; None is "symmetric". Raises DataError: as `load_same`.
    """
    if is_keras_file(path):
        network = load_tao_network(path, experiment).eval()
        return pad_as_tensorflow(network) if keras_padding == "tensorflow" else network
    if keras_padding is not None:
        raise DataError(
            f"--keras_padding is for .hdf5 models of TAO, and {path} is none", remedy="leave the flag out"
        )
    checkpoint = load_same(path, experiment)
    network = build_network(
        experiment.network,
        num_classes=len(experiment.classes),
        channels=experiment.augmentation.channels,
        release=checkpoint.identity.release,
    )
    network.load_state_dict(checkpoint.average or checkpoint.weights)
    return network.eval()


def load_model(path: str, args: argparse.Namespace) -> tuple[Yolo, Experiment]:
    """A trained network in evaluation mode on its device, and its experiment for inference.

    `args` has the flags `experiment_spec`, `gpu_index` and `keras_padding` of the command.
    Raises DetectorError: there is no such GPU, the spec is refused, or the model does not fit the spec.
    """
    device = choose_device(args.gpu_index)
    experiment = load_experiment(Path(args.experiment_spec))
    with memory_explained("batch_size of eval_config", experiment.evaluation.batch_size):
        network = load_network(Path(path), experiment, keras_padding=args.keras_padding)
        return network.to(device), experiment.for_inference()
