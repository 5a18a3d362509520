"""Keras HDF5 files, read without trusting them: weights by layer, settings of layers, optimiser slots.

NVIDIA's `train` of TAO 5 writes such files (Keras 2.2.4), and its pretrained ResNets are some. HDF5 holds no
code, but a file can point into other files, and can declare more data than it holds: links other than plain
ones and data kept elsewhere are refused, and a weight is read only after its shape was compared.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolo_v4.errors import DataError

SIGNATURE = b"\x89HDF\r\n\x1a\n"  # how an HDF5 file begins
# Keras' name of a weight -> PyTorch's.
PYTORCH_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """An array of floats in an open file, with its axes in PyTorch's order."""

    data: Any  # h5py's data set

    @property
    def shape(self) -> tuple[int, ...]:
        """Kernels, [h, w, in, out] in Keras, are [out, in, h, w]; other arrays are as they are."""
        shape: tuple[int, ...] = self.data.shape
        return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape

    def read(self) -> Tensor:
        """The values as float32."""
        value = torch.from_numpy(self.data.astype("float32")[()])
        return value.permute(3, 2, 0, 1) if value.ndim == 4 else value


@dataclass(frozen=True, slots=True)
class KerasFile:
    """An open file. Names of weights are PyTorch's, such as `conv1.weight`, in the order of the layers."""

    path: Path
    weights: dict[str, Stored]
    layers: dict[str, dict[str, Any]]  # settings by layer, `class_name` among them; empty: weights alone
    optimizer: dict[str, Any]  # `class_name` and settings; empty: none is saved
    slots: list[Any]  # the optimiser's data sets: its step counter, then arrays


def flat_name(name: str) -> str:
    """The name that a weight of a network has in such files: `conv1.weight` of `backbone.conv1.weight`."""
    return ".".join(name.split(".")[-2:])


@contextlib.contextmanager
def opened(path: Path) -> Iterator[KerasFile]:
    """A file, open for as long as the context lasts.

    Raises DataError: h5py is not installed, the file is damaged, is no Keras file, or points elsewhere.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError(
            f"{path}: h5py, which reads it, is not installed", remedy="pip install h5py"
        ) from error
    try:
        # Locks are advice that some cluster file systems cannot give.
        with h5py.File(path, "r", locking="best-effort") as file:
            _require_self_contained(file, path)
            yield _content(file, path)
    # h5py raises all of these for damaged files; RecursionError is json's.
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise DataError(
            f"{path} is damaged or no Keras HDF5 file with weights: {error}",
            remedy="copy it again, and compare its size and checksum with the original's",
        ) from error


def _require_self_contained(file: Any, path: Path) -> None:
    """Refuse a file of which any part lies in another file, or which leads back into itself."""
    import h5py

    remedy = "give the file as `train` or NVIDIA's catalogue wrote it; all of its data are in it"
    groups = [file]
    while groups:
        group = groups.pop()
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise DataError(f"{path} has a link at {where}, which is not followed", remedy=remedy)
            item = group[name]
            if isinstance(item, h5py.Group):
                if h5py.h5o.get_info(item.id).rc > 1:
                    raise DataError(f"{path} has a group under two names: {where}", remedy=remedy)
                groups.append(item)
            elif isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                raise DataError(f"{path} keeps the data of {where} in another file: not read", remedy=remedy)


def _content(file: Any, path: Path) -> KerasFile:
    groups = file.get("model_weights", file)
    named = _texts(groups.attrs["layer_names"]) if "layer_names" in groups.attrs else list(groups)
    weights: dict[str, Stored] = {}
    for layer in named:
        group = groups[layer]
        for stored in _texts(group.attrs.get("weight_names", ())):
            name = stored.split("/")[-1].split(":")[0]
            if name in PYTORCH_NAMES:
                weights[f"{layer}.{PYTORCH_NAMES[name]}"] = Stored(_floats(group[stored]))
    if not weights:
        raise ValueError("it names no weights of layers")
    model = json.loads(file.attrs["model_config"]) if "model_config" in file.attrs else {}
    training = json.loads(file.attrs["training_config"]) if "training_config" in file.attrs else {}
    optimizer = training.get("optimizer_config", {})
    saved = file.get("optimizer_weights")
    names = () if saved is None else _texts(saved.attrs["weight_names"])
    return KerasFile(
        path=path,
        weights=weights,
        layers={
            layer["name"]: {"class_name": layer["class_name"], **layer["config"]}
            for layer in model.get("config", {}).get("layers", ())
        },
        optimizer={"class_name": optimizer.get("class_name"), **optimizer.get("config", {})},
        slots=[saved[name] for name in names],
    )


def _floats(data: Any) -> Any:
    if data.dtype.kind != "f":
        raise ValueError(f"{data.name} is of {data.dtype}, expected floats")
    return data


def _texts(names: Any) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
