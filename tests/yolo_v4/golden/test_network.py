"""Networks against golden vectors made with NVIDIA's code: sizes, names, heads, gradients, moving averages."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from yolo_v4.data.targets import Target
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import HEADS, Yolo, build_network
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.loss import yolo_loss
from yolo_v4.training.optimizer import KernelPenalty

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
def test_parameter_counts_and_shapes_of_all_networks_are_nvidias(topic, compared, network_spec: MakeSpec) -> None:
    content = json.loads(topic("model.json").read_text())
    width, height = content["input_wh"]
    for case in content["networks"]:
        spec = network_spec(layers=case["nlayers"])
        with torch.device("meta"):
            network = _network(spec, case)
            heads = network.eval()(torch.empty(1, 3, height, width))

        assert _counts(network) == case["params"], case
        for head, name in zip(heads, HEADS, strict=True):
            assert list(head.shape[1:]) == case["head_output_shapes"][name][1:], case
        if "model_output_shape" in case:
            rows = sum(head.shape[2] * head.shape[3] * case["anchors_per_scale"] for head in heads)
            assert [rows, 11 + case["classes"]] == case["model_output_shape"][1:], case
        for layer in case.get("weighted_layers", []):
            for weight in layer["weights"]:
                assert list(_shape(_tensor(network, layer["name"], weight["name"]))) == weight["shape"], layer["name"]
    compared("model.json", len(content["networks"]))


def test_frozen_blocks_and_other_variants_have_nvidias_counts(topic, compared, network_spec: MakeSpec) -> None:
    cases = json.loads(topic("model.json").read_text())["variants"]
    for case in cases:
        spec = network_spec(
            layers=case["nlayers"],
            freeze_blocks=tuple(case.get("freeze_blocks", ())),
            freeze_bn=case.get("freeze_bn", False),
            force_relu=case.get("force_relu", False),
            conv_blocks=case.get("arch_conv_blocks", 2),
        )
        with torch.device("meta"):
            network = _network(spec, case)

        assert _counts(network) == case["params"], case
    compared("model.json", len(cases))


@pytest.mark.slow
def test_heads_of_a_picture_are_nvidias(topic, arrays, compared, network_spec: MakeSpec) -> None:
    content, vectors = json.loads(topic("forward.json").read_text()), arrays("forward.npz")
    for name, net in content["nets"].items():
        spec = network_spec(layers=net["nlayers"])
        network = _network(spec, net | {"classes": content["classes"]})
        _fill(network, net["tensors"])

        with torch.no_grad():
            heads = network.eval()(torch.from_numpy(vectors[f"{name}/input"]))

        for head, head_name in zip(heads, HEADS, strict=True):
            expected = vectors[f"{name}/{head_name}"]
            assert np.abs(head.numpy() - expected).max() <= 1e-3 * np.abs(expected).max()
            compared("forward.npz", 1)
        if f"{name}/model_output" in vectors:
            width, height = net["input_wh"]
            found = encode_predictions(heads, spec, (height, width)).numpy()
            np.testing.assert_allclose(found, vectors[f"{name}/model_output"], rtol=1e-3, atol=1e-3)
            compared("forward.npz", 1)
        compared("forward.json", 1)


@pytest.mark.slow
def test_one_training_batch_has_nvidias_losses_gradients_and_moving_averages(
    topic, arrays, compared, network_spec: MakeSpec
) -> None:
    content, vectors = json.loads(topic("train.json").read_text()), arrays("train.npz")
    anchors = tuple(tuple(map(tuple, scale)) for scale in vectors["anchors_wh_pixels"].tolist())
    spec = network_spec(anchors=anchors)
    network = build_network(spec, num_classes=content["classes"], channels=3, release="5.0")
    _fill(network, content["tensors"])

    heads = network.train()(torch.from_numpy(vectors["input"]))
    width, height = content["input_wh"]
    rows = encode_predictions(heads, spec, (height, width))
    loss = yolo_loss(Target.of(torch.from_numpy(vectors["y_true"])), rows, spec).total
    loss.backward()

    for head, name in zip(heads, HEADS, strict=True):
        expected = vectors[f"train_mode_{name}"]
        assert np.abs(head.detach().numpy() - expected).max() <= 1e-3 * np.abs(expected).max()
        compared("train.npz", 1)
    plain = {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}
    for name, run in content["runs"].items():
        for weight_name, weight in network.named_parameters():
            weight.grad = plain[weight_name].clone()
        kind, _, weight = name.partition("_")
        penalty = KernelPenalty(network, kind if weight != "reg" else "none", float(weight) if weight != "reg" else 0.0)
        penalty.add_to_gradients()
        assert loss.item() == pytest.approx(run["detection_loss"], rel=1e-3), name
        assert float(penalty.value()) == pytest.approx(run["regularisation"], rel=1e-3), name
        assert loss.item() + float(penalty.value()) == pytest.approx(run["total"], rel=1e-3), name
        for row in run["gradients"]:
            gradient = _tensor(network, row["layer"], row["weight"]).grad
            assert gradient is not None
            # Betas before a normalisation that takes any shift out again have gradients that are rounding noise.
            noise = 1e-6 * run["gradients"][0]["l2"]
            assert gradient.norm().item() == pytest.approx(row["l2"], rel=1e-2, abs=noise), (name, row)
        compared("train.json", 1)
    for key, expected in vectors.items():
        part, _, place = key.partition("/")
        if part == "after_one_batch":
            found = _tensor(network, *place.split("/")).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6, err_msg=key)
            compared("train.npz", 1)
        if part == "grad":
            layer, weight_name = place.split("/")
            owner = next(n for n, m in network.named_modules() if n.split(".")[-1] == layer)
            found = plain[f"{owner}.{PARTS[weight_name]}"].permute(2, 3, 1, 0).numpy()
            # The tolerance is one of norms; rounding in forty normalised layers turns the direction a little.
            assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(expected), rel=1e-2), key
            assert (found * expected).sum() > 0.99 * np.linalg.norm(found) * np.linalg.norm(expected), key
            compared("train.npz", 1)


def _network(spec: NetworkSpec, case: dict[str, Any]) -> Yolo:
    return build_network(spec, num_classes=case["classes"], channels=3, release=RELEASES[case["release"]])


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
