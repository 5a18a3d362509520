"""Checkpoints of TAO 5: taken whole by name, or refused with what differs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.yolo_v4.keras_files import layers_of_state, write_keras
from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_network, load_same
from yolo_v4.network.tao_checkpoint import KerasOptimizer, load_tao_network
from yolo_v4.network.yolo import Yolo, build_network
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.training.optimizer import load_keras_state
from yolo_v4.training.trainer import Trainer

# As the spec of the tests has them: pixels of 64 x 64.
SETTINGS: list[dict[str, Any]] = [
    {
        "name": "bg_anchor",
        "class_name": "YOLOAnchorBox",
        "config": {"anchor_size": [[40 / 64, 40 / 64], [50 / 64, 30 / 64], [60 / 64, 50 / 64]]},
    },
    {
        "name": "sm_bbox_processor",
        "class_name": "BBoxPostProcessingLayer",
        "config": {"grid_scale_xy": 1.0},
    },
    {"name": "yolo_spp_conv_lrelu", "class_name": "LeakyReLU", "config": {"alpha": 0.1}},
]
ADAM = {"class_name": "Adam", "lr": 0.001, "beta_1": 0.9}


@pytest.fixture
def experiment(write_spec: Callable[..., Path]) -> Experiment:
    return load_experiment(write_spec())


def network_of(experiment: Experiment, release: str = "3.21", **changes: Any) -> Yolo:
    torch.manual_seed(3)
    options: dict[str, Any] = {"num_classes": 2, "channels": 3, "release": release} | changes
    network = build_network(experiment.network, **options)
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    return network


def saved(path: Path, network: Yolo, **options: Any) -> Path:
    return write_keras(path, layers_of_state(network.state_dict()), **{"settings": SETTINGS, **options})


def adam_slots(network: Yolo, steps: int = 7) -> list[Any]:
    """Step counter, first moments, second moments, and the empty third ones that Keras stores; by layer."""
    layers = layers_of_state(network.state_dict())
    weights = [
        values for layer in layers.values() for kind, values in layer.items() if not kind.startswith("moving")
    ]
    first = [values * np.float32(0.5) for values in weights]
    second = [values**2 for values in weights]
    return [np.int64(steps), *first, *second, *(np.zeros(1, np.float32) for _ in weights)]


@pytest.mark.slow
@pytest.mark.parametrize("depth", [10, 18, 34, 50])
@pytest.mark.parametrize("release", ["3.21", "5.0"])
def test_every_weight_of_every_network_is_taken_over(
    tmp_path: Path, write_spec: Callable[..., Path], depth: int, release: str
) -> None:
    experiment = load_experiment(write_spec(network=f"nlayers: {depth}"))
    donor = network_of(experiment, release)

    network = load_network(saved(tmp_path / "a.hdf5", donor), experiment)

    assert (network.release, network.training) == (release, False)
    for name, value in donor.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"network": "nlayers: 18"}, "has ResNet-10, the spec says nlayers 18"),
        (
            {"dataset": 'target_class_mapping { key: "tram" value: "tram" }'},
            "finds 2 classes, the spec has 3: bus, car, tram",
        ),
        ({"augmentation": "output_width: 96"}, r"has the anchors \[\[60\.0, 40\.0\].* where the spec says"),
        ({"network": 'big_anchor_shape: "[(40, 40), (50, 31), (60, 50)]"'}, "has the anchors"),
        ({"network": "small_grid_xy_extend: 0.2"}, r"grid_xy_extend of 0 where the spec says 0\.2"),
        ({"network": "force_relu: true"}, "trained with force_relu: false, the spec says the contrary"),
        (
            {"network": "arch_conv_blocks: 1"},
            r"is of another network: it lacks 30 weights, such as yolo_conv1_2",
        ),
        (
            {"augmentation": "output_channel: 1"},
            r"has conv1\.weight of \(64, 3, 7, 7\), the spec's network of",
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_with_both_values(
    tmp_path: Path, experiment: Experiment, write_spec: Callable[..., Path], spec: dict[str, str], words: str
) -> None:
    path = saved(tmp_path / "a.hdf5", network_of(experiment))

    with pytest.raises(DataError, match=words) as caught:
        load_network(path, load_experiment(write_spec(**spec)))

    assert "use the spec file" in caught.value.remedy


def test_a_weight_too_many_and_one_too_few_are_named(tmp_path: Path, experiment: Experiment) -> None:
    layers = layers_of_state(network_of(experiment).state_dict())
    more = write_keras(tmp_path / "more.hdf5", {**layers, "extra": {"kernel": np.zeros((1, 1, 2, 2), "f4")}})
    del layers["bn_conv1"]["moving_mean"]
    fewer = write_keras(tmp_path / "fewer.hdf5", layers)

    with pytest.raises(DataError, match=r"the spec's network lacks 1 weights, such as extra\.weight"):
        load_network(more, experiment)
    with pytest.raises(DataError, match=r"it lacks 1 weights, such as bn_conv1\.running_mean"):
        load_network(fewer, experiment)


def test_a_backbone_alone_and_a_quantised_model_are_told(tmp_path: Path, experiment: Experiment) -> None:
    network = network_of(experiment)
    backbone = write_keras(tmp_path / "resnet_10.hdf5", layers_of_state(network.backbone.state_dict()))
    layer = {"name": "conv1", "class_name": "QuantizedConv2D", "config": {}}
    aware = saved(tmp_path / "qat.hdf5", network, settings=[layer])

    with pytest.raises(DataError, match="it is a backbone or another network"):
        load_network(backbone, experiment)
    with pytest.raises(DataError, match="was trained with enable_qat: true"):
        load_network(aware, experiment)


def test_a_weight_that_claims_more_than_memory_is_not_read(tmp_path: Path, experiment: Experiment) -> None:
    import h5py

    path = saved(tmp_path / "a.hdf5", network_of(experiment))
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv1/conv1"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", shape=(7, 7, 3, 2**40), dtype="f4", chunks=(7, 7, 3, 64))

    with pytest.raises(DataError, match=r"has conv1\.weight of \(1099511627776, 3, 7, 7\)"):
        load_network(path, experiment)


def test_the_other_release_than_asked_for_is_told(tmp_path: Path, experiment: Experiment) -> None:
    path = saved(tmp_path / "a.hdf5", network_of(experiment, "5.0"))

    with pytest.raises(DataError, match=r"network of release 5\.0, --network_release says 3\.21"):
        load_tao_network(path, experiment, release="3.21")


def test_a_resumed_run_has_the_optimisers_moments_steps_and_epoch(
    tmp_path: Path, experiment: Experiment
) -> None:
    donor = network_of(experiment)
    path = saved(
        tmp_path / "yolov4_resnet10_epoch_002.hdf5", donor, optimizer=ADAM, slots=adam_slots(donor, steps=7)
    )

    checkpoint = load_same(path, experiment, release="3.21")
    trainer = Trainer(network_of(experiment), experiment, steps_per_epoch=2)
    trainer.resume(checkpoint)

    assert (checkpoint.epoch, trainer.epochs_done, checkpoint.history) == (2, 2, [])
    assert isinstance(checkpoint.optimizer, KerasOptimizer)
    state = trainer.checkpoint([]).optimizer["state"]
    for number, weight in enumerate(donor.parameters()):
        assert torch.equal(state[number]["exp_avg"], weight * 0.5)
        assert torch.equal(state[number]["exp_avg_sq"], weight**2)
        assert float(state[number]["step"]) == 8  # Keras counts from 0 and KerasAdam from 1


def test_sgds_velocities_are_taken_over(
    tmp_path: Path, experiment: Experiment, write_spec: Callable[..., Path]
) -> None:
    sgd = load_experiment(write_spec(training="optimizer { sgd { momentum: 0.9 } }"))
    donor = network_of(experiment)
    slots = adam_slots(donor)
    path = saved(
        tmp_path / "yolov4_resnet10_epoch_002.hdf5",
        donor,
        optimizer={"class_name": "SGD"},
        slots=slots[: 1 + (len(slots) - 1) // 3],
    )
    optimizer = torch.optim.SGD(donor.parameters())

    saved_state = load_same(path, sgd).optimizer
    assert isinstance(saved_state, KerasOptimizer)
    load_keras_state(optimizer, saved_state)

    for weight in donor.parameters():
        assert torch.equal(optimizer.state[weight]["velocity"], weight * 0.5)


@pytest.mark.parametrize(
    ("training", "network", "words"),
    [
        ("optimizer { sgd { momentum: 0.9 } }", "", "has the state of adam, and the spec says sgd"),
        ("", "freeze_blocks: 1", "of other weights than the spec trains"),
        (
            "optimizer { adam { epsilon: 1e-7 beta1: 0.9 beta2: 0.999 amsgrad: true } }",
            "",
            "of other weights",
        ),
    ],
)
def test_another_optimiser_or_frozen_block_is_not_resumed(
    tmp_path: Path,
    experiment: Experiment,
    write_spec: Callable[..., Path],
    training: str,
    network: str,
    words: str,
) -> None:
    donor = network_of(experiment)
    path = saved(tmp_path / "yolov4_resnet10_epoch_002.hdf5", donor, optimizer=ADAM, slots=adam_slots(donor))

    with pytest.raises(DataError, match=words) as caught:
        load_same(path, load_experiment(write_spec(training=training, network=network)))

    assert "pretrain_model_path" in caught.value.remedy


def test_a_file_without_an_optimiser_is_not_resumed(tmp_path: Path, experiment: Experiment) -> None:
    path = saved(tmp_path / "yolov4_resnet10_epoch_002.hdf5", network_of(experiment))

    with pytest.raises(DataError, match="has no state of an optimizer"):
        load_same(path, experiment)


def test_the_padding_of_plain_keras_is_for_hdf5_alone(tmp_path: Path, experiment: Experiment) -> None:
    (tmp_path / "a.pt").write_bytes(b"PK")

    with pytest.raises(DataError, match=r"--keras_padding is for \.hdf5 models of TAO"):
        load_network(tmp_path / "a.pt", experiment, keras_padding="tensorflow")
