"""Starting weights: our checkpoints and NVIDIA's Keras files, matched by layer name."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import Checkpoint, Identity, save_checkpoint
from yolo_v4.network.pretrained import load_pretrained
from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment

CLASSES = ("bus", "car")


@pytest.fixture
def experiment(write_spec: Callable[..., Path]) -> Experiment:
    return load_experiment(write_spec())


def fresh(experiment: Experiment, *, num_classes: int = 2, seed: int = 0) -> Yolo:
    torch.manual_seed(seed)
    return build_network(experiment.network, num_classes=num_classes, channels=3)


def save(path: Path, network: Yolo, experiment: Experiment) -> Path:
    checkpoint = Checkpoint(
        identity=Identity.of(experiment),
        weights=network.state_dict(),
        average=None,
        optimizer={},
        scaler={},
        epoch=1,
        history=[],
    )
    save_checkpoint(path, checkpoint)
    return path


def test_a_checkpoint_of_the_same_classes_is_taken_over_whole(tmp_path: Path, experiment: Experiment) -> None:
    donor, network = fresh(experiment, seed=1), fresh(experiment, seed=2)

    kept = load_pretrained(network, save(tmp_path / "a.pt", donor, experiment), CLASSES)

    assert kept == []
    assert all(torch.equal(a, b) for a, b in zip(donor.parameters(), network.parameters(), strict=True))


def test_heads_of_other_classes_start_afresh(tmp_path: Path, experiment: Experiment) -> None:
    donor, network = fresh(experiment, seed=1), fresh(experiment, num_classes=3, seed=2)
    before = network.conv_mid_object.weight.clone()

    kept = load_pretrained(network, save(tmp_path / "a.pt", donor, experiment), ("bus", "car", "tram"))

    assert kept == ["conv_big_object", "conv_mid_object", "conv_sm_object"]
    assert torch.equal(network.conv_mid_object.weight, before)
    assert torch.equal(network.backbone.conv1.weight, donor.backbone.conv1.weight)


def test_a_backbone_of_another_depth_is_refused(
    tmp_path: Path, experiment: Experiment, write_spec: Callable[..., Path]
) -> None:
    deeper = load_experiment(write_spec(network="nlayers: 18"))
    donor = save(tmp_path / "a.pt", fresh(experiment), experiment)

    with pytest.raises(DataError, match=r"block_1b_conv_1 not found in pretrained model .*a.pt"):
        load_pretrained(fresh(deeper), donor, CLASSES)


class Group(dict[str, Any]):
    """As much of an h5py group as Keras files need."""

    def __init__(self, *, attrs: dict[str, Any] | None = None, **items: Any) -> None:
        super().__init__(items)
        self.attrs = attrs or {}


class File(Group):
    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(model_weights=KERAS_FILES[path.name])

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *error: object) -> None: ...


KERAS_FILES: dict[str, Group] = {}


def keras_file(network: Yolo) -> Group:
    """What Keras would have stored of the backbone: one group a layer, kernels HWIO."""
    names = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    layers = Group()
    for name, value in network.backbone.state_dict().items():
        layer, kind = name.split(".")
        if kind == "num_batches_tracked":
            continue
        array = value.numpy()
        stored = f"{layer}/{'kernel' if array.ndim == 4 else names[kind]}:0"
        group = layers.setdefault(layer, Group(attrs={"weight_names": []}))
        group.attrs["weight_names"].append(stored.encode())
        group[stored] = np.transpose(array, (2, 3, 1, 0)) if array.ndim == 4 else array
    layers["activation_1"] = Group(attrs={"weight_names": []})
    return layers


@pytest.fixture
def h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the library that reads HDF5."""
    library = types.ModuleType("h5py")
    library.File = File  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "h5py", library)


@pytest.mark.usefixtures("h5py")
def test_nvidias_keras_file_fills_the_backbone(experiment: Experiment) -> None:
    donor, network = fresh(experiment, seed=1), fresh(experiment, seed=2)
    with torch.no_grad():
        donor.backbone.bn_conv1.running_var.uniform_(1, 2)
    KERAS_FILES["resnet_10.hdf5"] = keras_file(donor)

    kept = load_pretrained(network, Path("resnet_10.hdf5"), CLASSES)

    assert "conv_big_object" in kept
    assert all(name.startswith(("yolo_", "conv_")) for name in kept)
    for name, value in donor.backbone.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[name], value)


@pytest.mark.usefixtures("h5py")
def test_a_layer_missing_from_the_keras_file_is_named(experiment: Experiment) -> None:
    KERAS_FILES["resnet_10.hdf5"] = keras_file(fresh(experiment))
    del KERAS_FILES["resnet_10.hdf5"]["block_3a_conv_2"]

    with pytest.raises(DataError, match="block_3a_conv_2 not found in pretrained model"):
        load_pretrained(fresh(experiment), Path("resnet_10.hdf5"), CLASSES)


def test_without_h5py_the_extra_is_named(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)

    with pytest.raises(DataError, match="h5py, which reads it, is not installed") as caught:
        load_pretrained(fresh(experiment), Path("resnet_10.hdf5"), CLASSES)

    assert caught.value.remedy == "pip install h5py"
