"""Networks of the golden vectors: by their release, with the weights that a formula gives."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import NetworkSpec

RELEASES = {"5.0": "5.0", "3.21.11": "3.21"}
PARTS = {  # Keras' names of weights -> PyTorch's
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def network_of(spec: NetworkSpec, *, release: str, classes: int) -> Yolo:
    return build_network(spec, num_classes=classes, channels=3, release=RELEASES[release])


def fill(network: Yolo, tensors: list[dict[str, Any]]) -> None:
    """Weights from the formula that comes with the golden vectors."""
    for row in tensors:
        array = values(row)
        ours = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        tensor_of(network, row["layer"], row["weight"]).data.copy_(torch.from_numpy(ours))


def values(row: dict[str, Any]) -> Any:
    """One tensor as Keras has it, kernels HWIO."""
    random, shape = np.random.RandomState(row["seed"]), row["shape"]
    if row["weight"] == "kernel":
        return random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
    if row["weight"] == "moving_variance":
        return 0.5 + random.random_sample(shape)
    return 0.1 * random.standard_normal(shape) + (row["weight"] == "gamma")


def tensor_of(network: Yolo, layer: str, weight: str) -> Tensor:
    """The tensor that Keras calls so."""
    owners = [module for name, module in network.named_modules() if name.split(".")[-1] == layer]
    tensor: Tensor = getattr(owners[0], PARTS[weight])
    return tensor


def as_keras(tensor: Tensor) -> Tensor:
    """Kernels as Keras has them: HWIO."""
    return tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor
