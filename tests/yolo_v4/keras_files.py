"""Writes HDF5 files as Keras 2.2.4 does, group by group; h5py is all that this shares with the reader."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Layers = Mapping[str, Mapping[str, Array]]  # layer -> Keras' name of a weight -> values, kernels HWIO

KERAS_NAMES = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def layers_of_state(state: Mapping[str, Any]) -> dict[str, dict[str, Array]]:
    """What Keras would store of a state of a network: convolutions with bias are heads."""
    layers: dict[str, dict[str, Array]] = {}
    for name, value in state.items():
        layer, kind = name.split(".")[-2:]
        if kind == "num_batches_tracked":
            continue
        array = value.detach().numpy()
        if array.ndim == 4:
            layers.setdefault(layer, {})["kernel"] = np.transpose(array, (2, 3, 1, 0))
        elif kind == "bias" and "kernel" in layers.get(layer, {}):
            layers[layer]["bias"] = array
        else:
            layers.setdefault(layer, {})["gamma" if kind == "weight" else KERAS_NAMES[kind]] = array
    return layers


def write_keras(
    path: Path,
    layers: Layers,
    *,
    settings: Sequence[Mapping[str, Any]] = (),
    optimizer: Mapping[str, Any] | None = None,
    slots: Sequence[Any] = (),
) -> Path:
    """A file of `model.save`; `settings` are layers of model_config, `slots` begin with the step counter."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.2.4"
        model = {"class_name": "Model", "config": {"layers": list(settings)}}
        file.attrs["model_config"] = json.dumps(model).encode()
        groups = file.create_group("model_weights")
        groups.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, weights in layers.items():
            group = groups.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{name}:0".encode() for name in weights]
            for name, values in weights.items():
                group.create_dataset(f"{layer}/{name}:0", data=values)
        if optimizer is not None:
            config = {key: value for key, value in optimizer.items() if key != "class_name"}
            saved = {"optimizer_config": {"class_name": optimizer["class_name"], "config": config}}
            file.attrs["training_config"] = json.dumps(saved).encode()
            group = file.create_group("optimizer_weights")
            names = [f"training/Variable_{number}:0" for number in range(len(slots))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, values in zip(names, slots, strict=True):
                group.create_dataset(name, data=values)
    return path
