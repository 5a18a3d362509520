"""The weights that training starts from: fresh, of our checkpoints, or of Keras HDF5 files.

NVIDIA's pretrained ResNets are such HDF5 files. Layers are matched by TAO's flat names. As in TAO, the file
must have every layer of the backbone in its shape; of the other layers those are copied that fit, and the
heads only from a network with the same classes.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.network.yolo import BOX_CHANNELS, HEADS, Yolo, build_network
from yolo_v4.spec.experiment import RELEASES, Experiment

KERAS_SUFFIXES = (".hdf5", ".h5")
# Keras' name of a weight -> PyTorch's.
KERAS_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
OBJECT_PRIOR = 0.01  # predicted objectness before training


def starting_network(experiment: Experiment, *, release: str = RELEASES[0]) -> tuple[Yolo, list[str]]:
    """A network with the spec's pretrained weights, if any, and the layers that keep fresh weights.

    Without pretrained weights the list of layers is empty.
    Raises SpecError: there is no such network.
    Raises DataError: the pretrained weights cannot be read or do not fit.
    """
    num_classes = len(experiment.classes)
    torch.manual_seed(experiment.random_seed)
    network = build_network(
        experiment.network,
        num_classes=num_classes,
        channels=experiment.augmentation.channels,
        release=release,
    )
    # TAO starts with an objectness of one half, so thousands of empty boxes dominate the loss of the first
    # hundreds of steps.
    for name in HEADS:
        bias = network.get_parameter(f"{name}.bias").detach().view(-1, BOX_CHANNELS + num_classes)
        bias[:, BOX_CHANNELS - 1] = -math.log(1 / OBJECT_PRIOR - 1)
    if experiment.training.pretrain_path is None:
        return network, []
    return network, load_pretrained(network, experiment.training.pretrain_path, experiment.classes)


def load_pretrained(network: Yolo, path: Path, classes: tuple[str, ...]) -> list[str]:
    """Copy the weights in `path`, a checkpoint or Keras file, into the network.

    Returns the names of the layers that are not in the file, or do not fit, and keep the weights they had.
    Raises DataError: the file cannot be read, or lacks a layer of the backbone, or has it in another shape.
    """
    if path.suffix in KERAS_SUFFIXES:
        found = read_keras(path)
        has_same_classes = False
    else:
        checkpoint = load_checkpoint(path)
        weights = checkpoint.average or checkpoint.weights
        found = {_flat_name(name): tensor for name, tensor in weights.items()}
        has_same_classes = checkpoint.identity.classes == classes
    kept_layers: list[str] = []
    for name, tensor in network.state_dict().items():
        flat_name = _flat_name(name)
        layer = flat_name.split(".")[0]
        value = found.get(flat_name)
        is_wanted = has_same_classes or layer not in HEADS
        if is_wanted and value is not None and value.shape == tensor.shape:
            tensor.copy_(value)
        elif name.endswith("num_batches_tracked"):
            continue  # PyTorch's own counter, which Keras files lack
        elif name.startswith("backbone."):
            problem = "not found" if value is None else f"has incorrect shape {tuple(value.shape)}"
            raise DataError(
                f"{layer} {problem} in pretrained model {path}; the network has {tuple(tensor.shape)}",
                remedy="give weights of the same arch, nlayers and output_channel, or none",
            )
        elif layer not in kept_layers:
            kept_layers.append(layer)
    return kept_layers


def read_keras(path: Path) -> dict[str, Tensor]:
    """Weights of a Keras HDF5 file under PyTorch's names, such as `conv1.weight` [out, in, h, w].

    Raises DataError: h5py is not installed, or the file cannot be read.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError(
            f"{path}: h5py, which reads it, is not installed", remedy="pip install h5py"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            return _layers(file.get("model_weights", file))
    except (OSError, KeyError) as error:
        raise DataError(
            f"{path} is not a Keras HDF5 file with weights: {error}",
            remedy="give NVIDIA's resnet_18.hdf5 or a checkpoint of `yolo_v4 train`",
        ) from error


def _layers(layers: Any) -> dict[str, Tensor]:
    weights = {}
    for layer in layers:
        for stored in layers[layer].attrs.get("weight_names", ()):
            path = stored.decode() if isinstance(stored, bytes) else stored
            keras_name = path.split("/")[-1].split(":")[0]
            if keras_name in KERAS_NAMES:
                value = torch.from_numpy(layers[layer][path][()])
                if value.ndim == 4:
                    value = value.permute(3, 2, 0, 1)  # [h, w, in, out] to [out, in, h, w]
                weights[f"{layer}.{KERAS_NAMES[keras_name]}"] = value
    return weights


def _flat_name(name: str) -> str:
    """The last two parts of a name: `conv1.weight` of `backbone.conv1.weight`."""
    return ".".join(name.split(".")[-2:])
