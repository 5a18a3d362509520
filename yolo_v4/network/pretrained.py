"""What training starts from: fresh weights, our checkpoints, or Keras HDF5 files such as NVIDIA's pretrained ResNets.

Layers are matched by TAO's flat names. As in TAO, every layer of the backbone must be there with its shape, and what
follows takes over what fits; heads are taken over only from a network with the same classes.
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
KERAS_NAMES = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
KERAS_NAMES |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
OBJECT_PRIOR = 0.01  # first guess of the share of boxes that hold an object


def starting_network(experiment: Experiment, *, release: str = RELEASES[0]) -> tuple[Yolo, list[str]]:
    """A network with the spec's pretrained weights, if any, and the names of the layers that those did not fill.

    Raises SpecError: no such network. Raises DataError: pretrained weights that cannot be read or do not fit.
    """
    num_classes, channels = len(experiment.classes), experiment.augmentation.channels
    torch.manual_seed(experiment.random_seed)
    network = build_network(experiment.network, num_classes=num_classes, channels=channels, release=release)
    # TAO begins with an objectness of one half: then thousands of empty boxes govern the first hundreds of steps.
    for name in HEADS:
        bias = network.get_parameter(f"{name}.bias").detach().view(-1, BOX_CHANNELS + num_classes)
        bias[:, BOX_CHANNELS - 1] = -math.log(1 / OBJECT_PRIOR - 1)
    if experiment.training.pretrain_path is None:
        return network, []
    return network, load_pretrained(network, experiment.training.pretrain_path, experiment.classes)


def load_pretrained(network: Yolo, path: Path, classes: tuple[str, ...]) -> list[str]:
    """Copy the weights in `path`, ours or Keras', into the network; returns names of layers that keep what they had.

    Raises DataError: the file cannot be read, or lacks a layer of the backbone, or has it in another shape.
    """
    if path.suffix in KERAS_SUFFIXES:
        found, other_classes = read_keras(path), True
    else:
        checkpoint = load_checkpoint(path)
        weights = checkpoint.average or checkpoint.weights
        found = {_flat(name): tensor for name, tensor in weights.items()}
        other_classes = checkpoint.identity.classes != classes
    kept = []
    for name, tensor in network.state_dict().items():
        layer, value = _flat(name).split(".")[0], found.get(_flat(name))
        if value is not None and value.shape == tensor.shape and not (other_classes and layer in HEADS):
            tensor.copy_(value)
        elif name.startswith("backbone.") and not name.endswith("num_batches_tracked"):
            problem = "not found" if value is None else f"has incorrect shape {tuple(value.shape)}"
            raise DataError(
                f"{layer} {problem} in pretrained model {path}; the network has {tuple(tensor.shape)}",
                remedy="give weights of the same arch, nlayers and output_channel, or none",
            )
        elif layer not in kept and not name.endswith("num_batches_tracked"):
            kept.append(layer)
    return kept


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
                weights[f"{layer}.{KERAS_NAMES[keras_name]}"] = (
                    value.permute(3, 2, 0, 1) if value.ndim == 4 else value
                )
    return weights


def _flat(name: str) -> str:
    """`conv1.weight` of `backbone.conv1.weight`."""
    return ".".join(name.split(".")[-2:])
