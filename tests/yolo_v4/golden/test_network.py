"""Networks against golden vectors made with NVIDIA's code: sizes, names, heads, gradients, moving averages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import HEADS, Yolo, build_network
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.loss import yolo_loss

MakeSpec = Callable[..., NetworkSpec]
RELEASES = {"5.0": "5.0", "3.21.11": "3.21"}
PARTS = {  # Keras' names of weights -> PyTorch's
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@pytest.mark.slow
def test_parameter_counts_of_all_networks_are_nvidias(golden: Path, network_spec: MakeSpec) -> None:
    for case in json.loads((golden / "model.json").read_text())["networks"]:
        with torch.device("meta"):
            network = build_network(
                network_spec(layers=case["nlayers"]),
                num_classes=case["classes"],
                channels=3,
                release=RELEASES[case["release"]],
            )

        assert _counts(network) == case["params"], case
        for layer in case.get("weighted_layers", []):
            for weight in layer["weights"]:
                assert list(_shape(_tensor(network, layer["name"], weight["name"]))) == weight["shape"], layer["name"]


def test_frozen_blocks_and_other_variants_have_nvidias_counts(golden: Path, network_spec: MakeSpec) -> None:
    for case in json.loads((golden / "model.json").read_text())["variants"]:
        spec = network_spec(
            layers=case["nlayers"],
            freeze_blocks=tuple(case.get("freeze_blocks", ())),
            freeze_bn=case.get("freeze_bn", False),
            force_relu=case.get("force_relu", False),
            conv_blocks=case.get("arch_conv_blocks", 2),
        )
        with torch.device("meta"):
            network = build_network(spec, num_classes=case["classes"], channels=3, release=RELEASES[case["release"]])

        assert _counts(network) == case["params"], case


@pytest.mark.slow
@pytest.mark.parametrize("name", ["5.0_resnet10", "5.0_resnet18", "3.21.11_resnet18"])
def test_heads_of_a_picture_are_nvidias(golden: Path, network_spec: MakeSpec, name: str) -> None:
    content = json.loads((golden / "forward.json").read_text())
    net, vectors = content["nets"][name], np.load(golden / "forward.npz")
    spec = network_spec(layers=net["nlayers"])
    network = build_network(spec, num_classes=content["classes"], channels=3, release=RELEASES[net["release"]])
    _fill(network, net["tensors"])

    with torch.no_grad():
        heads = network.eval()(torch.from_numpy(vectors[f"{name}/input"]))

    for head, head_name in zip(heads, HEADS, strict=True):
        expected = vectors[f"{name}/{head_name}"]
        assert np.abs(head.numpy() - expected).max() <= 1e-3 * np.abs(expected).max()
    if f"{name}/model_output" in vectors:
        width, height = net["input_wh"]
        found = encode_predictions(heads, spec, (height, width)).numpy()
        np.testing.assert_allclose(found, vectors[f"{name}/model_output"], rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_one_training_batch_has_nvidias_loss_gradients_and_moving_averages(
    golden: Path, network_spec: MakeSpec
) -> None:
    content, vectors = json.loads((golden / "train.json").read_text()), np.load(golden / "train.npz")
    anchors = tuple(tuple(map(tuple, scale)) for scale in vectors["anchors_wh_pixels"].tolist())
    spec = network_spec(anchors=anchors)
    network = build_network(spec, num_classes=content["classes"], channels=3, release="5.0")
    _fill(network, content["tensors"])

    heads = network.train()(torch.from_numpy(vectors["input"]))
    width, height = content["input_wh"]
    rows = encode_predictions(heads, spec, (height, width))
    loss = yolo_loss(torch.from_numpy(vectors["y_true"]), rows, spec).total
    loss.backward()

    for head, name in zip(heads, HEADS, strict=True):
        expected = vectors[f"train_mode_{name}"]
        assert np.abs(head.detach().numpy() - expected).max() <= 1e-3 * np.abs(expected).max()
    run = content["runs"]["no_reg"]
    assert loss.item() == pytest.approx(run["detection_loss"], rel=1e-3)
    for row in run["gradients"]:
        gradient = _tensor(network, row["layer"], row["weight"]).grad
        assert gradient is not None
        # Betas before a normalisation that takes any shift out again have gradients that are rounding noise.
        assert gradient.norm().item() == pytest.approx(row["l2"], rel=1e-2, abs=1e-6 * run["gradients"][0]["l2"]), row
    for key in vectors:
        if key.startswith("after_one_batch/"):
            _, layer, name = key.split("/")
            found = _tensor(network, layer, name).numpy()
            np.testing.assert_allclose(found, vectors[key], rtol=1e-3, atol=1e-6, err_msg=key)


def _fill(network: Yolo, tensors: list[dict[str, Any]]) -> None:
    """Weights from the formula that comes with the golden vectors."""
    for row in tensors:
        random, shape = np.random.RandomState(row["seed"]), row["shape"]
        if row["weight"] == "kernel":
            values = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
            values = values.transpose(3, 2, 0, 1)
        elif row["weight"] == "moving_variance":
            values = 0.5 + random.random_sample(shape)
        else:
            values = 0.1 * random.standard_normal(shape) + (row["weight"] == "gamma")
        _tensor(network, row["layer"], row["weight"]).data.copy_(torch.from_numpy(values))


def _tensor(network: Yolo, layer: str, weight: str) -> Tensor:
    owners = [module for name, module in network.named_modules() if name.split(".")[-1] == layer]
    tensor: Tensor = getattr(owners[0], PARTS[weight])
    return tensor


def _shape(tensor: Tensor) -> tuple[int, ...]:
    """As Keras has it: HWIO."""
    if tensor.ndim == 4:
        return tuple(tensor.shape[axis] for axis in (2, 3, 1, 0))
    return tuple(tensor.shape)


def _counts(network: Yolo) -> dict[str, int]:
    running = sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)
    every = sum(weight.numel() for weight in network.parameters())
    trainable = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    return {"total": every + running, "trainable": trainable, "non_trainable": every + running - trainable}
