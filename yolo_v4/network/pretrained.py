"""The weights that training starts from: fresh, of our checkpoints, or of Keras HDF5 files.

NVIDIA's pretrained ResNets are such HDF5 files, and so are the checkpoints of TAO 5. Layers are matched by
TAO's flat names. As in TAO, the file must have every layer of the backbone in its shape; of the other layers
those are copied that fit. Heads are copied from a network with the same classes; an HDF5 file does not name
its classes, so as in TAO their number decides.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.network.keras_file import flat_name, opened
from yolo_v4.network.model_file import is_keras_file
from yolo_v4.network.yolo import BOX_CHANNELS, HEADS, Yolo, build_network
from yolo_v4.spec.experiment import RELEASES, Experiment

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
    if is_keras_file(path):
        with opened(path) as file:
            stored = {name: (weight.shape, weight.read) for name, weight in file.weights.items()}
            return _copy_layers(network, stored, path, heads_fit=True)
    checkpoint = load_checkpoint(path)
    weights = checkpoint.average or checkpoint.weights
    found = {flat_name(name): (tuple(value.shape), value.detach) for name, value in weights.items()}
    return _copy_layers(network, found, path, heads_fit=checkpoint.identity.classes == classes)


def _copy_layers(
    network: Yolo,
    found: Mapping[str, tuple[tuple[int, ...], Callable[[], Tensor]]],
    path: Path,
    *,
    heads_fit: bool,
) -> list[str]:
    """Copy what fits of `found`, the shape and reader of each weight; returns the layers left as they were.

    `heads_fit`: heads are copied too, where their shape is the same.
    """
    kept_layers: list[str] = []
    for name, tensor in network.state_dict().items():
        layer = flat_name(name).split(".")[0]
        shape, read = found.get(flat_name(name), (None, None))
        is_wanted = heads_fit or layer not in HEADS
        if is_wanted and read is not None and shape == tuple(tensor.shape):
            tensor.copy_(read())
        elif name.endswith("num_batches_tracked"):
            continue  # PyTorch's own counter, which Keras files lack
        elif name.startswith("backbone."):
            problem = "not found" if read is None else f"has incorrect shape {shape}"
            raise DataError(
                f"{layer} {problem} in pretrained model {path}; the network has {tuple(tensor.shape)}",
                remedy="give weights of the same arch, nlayers and output_channel, or none",
            )
        elif layer not in kept_layers:
            kept_layers.append(layer)
    return kept_layers
