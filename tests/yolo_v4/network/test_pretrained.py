"""Starting weights: our checkpoints and NVIDIA's Keras files, matched by layer name."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.yolo_v4.keras_files import layers_of_state, write_keras
from tests.yolo_v4.saved_models import save_weights
from yolo_v4.errors import DataError
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


def test_a_checkpoint_of_the_same_classes_is_taken_over_whole(tmp_path: Path, experiment: Experiment) -> None:
    donor, network = fresh(experiment, seed=1), fresh(experiment, seed=2)

    kept = load_pretrained(network, save_weights(tmp_path / "a.pt", donor, experiment), CLASSES)

    assert kept == []
    assert all(torch.equal(a, b) for a, b in zip(donor.parameters(), network.parameters(), strict=True))


def test_heads_of_other_classes_start_afresh(tmp_path: Path, experiment: Experiment) -> None:
    donor, network = fresh(experiment, seed=1), fresh(experiment, num_classes=3, seed=2)
    before = network.conv_mid_object.weight.clone()

    kept = load_pretrained(
        network, save_weights(tmp_path / "a.pt", donor, experiment), ("bus", "car", "tram")
    )

    assert kept == ["conv_big_object", "conv_mid_object", "conv_sm_object"]
    assert torch.equal(network.conv_mid_object.weight, before)
    assert torch.equal(network.backbone.conv1.weight, donor.backbone.conv1.weight)


def test_a_backbone_of_another_depth_is_refused(
    tmp_path: Path, experiment: Experiment, write_spec: Callable[..., Path]
) -> None:
    deeper = load_experiment(write_spec(network="nlayers: 18"))
    donor = save_weights(tmp_path / "a.pt", fresh(experiment), experiment)

    with pytest.raises(DataError, match=r"block_1b_conv_1 not found in pretrained model .*a.pt"):
        load_pretrained(fresh(deeper), donor, CLASSES)


def keras_file(path: Path, network: Yolo, *, without: str = "") -> Path:
    """What Keras stores of a network, but for one layer."""
    layers = layers_of_state(network.state_dict())
    return write_keras(path, {name: weights for name, weights in layers.items() if name != without})


def test_nvidias_keras_file_fills_the_backbone(tmp_path: Path, experiment: Experiment) -> None:
    donor, network = fresh(experiment, seed=1), fresh(experiment, seed=2)
    with torch.no_grad():
        donor.backbone.bn_conv1.running_var.uniform_(1, 2)
    path = write_keras(tmp_path / "resnet_10.hdf5", layers_of_state(donor.backbone.state_dict()))

    kept = load_pretrained(network, path, CLASSES)

    assert "conv_big_object" in kept
    assert all(name.startswith(("yolo_", "conv_")) for name in kept)
    for name, value in donor.backbone.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[name], value)


def test_a_checkpoint_of_tao_is_taken_over_whole_where_it_has_as_many_classes(
    tmp_path: Path, experiment: Experiment
) -> None:
    path = keras_file(tmp_path / "yolov4_resnet10_epoch_080.hdf5", fresh(experiment, seed=1))
    same, other = fresh(experiment, seed=2), fresh(experiment, num_classes=3, seed=2)

    kept = load_pretrained(same, path, CLASSES), load_pretrained(other, path, (*CLASSES, "tram"))

    assert kept == ([], ["conv_big_object", "conv_mid_object", "conv_sm_object"])
    donor = fresh(experiment, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(donor.parameters(), same.parameters(), strict=True))


def test_a_layer_missing_from_the_keras_file_is_named(tmp_path: Path, experiment: Experiment) -> None:
    path = keras_file(tmp_path / "resnet_10.hdf5", fresh(experiment), without="block_3a_conv_2")

    with pytest.raises(DataError, match="block_3a_conv_2 not found in pretrained model"):
        load_pretrained(fresh(experiment), path, CLASSES)
