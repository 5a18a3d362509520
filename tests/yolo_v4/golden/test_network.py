"""Networks against golden vectors made with NVIDIA's code: sizes, layers, connections, heads."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.yolo_v4.golden.formula import as_keras, fill, network_of, tensor_of
from tests.yolo_v4.golden.layers import Layer, keys, layers_of
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import HEADS, Yolo
from yolo_v4.spec.experiment import NetworkSpec

MakeSpec = Callable[..., NetworkSpec]


@pytest.mark.slow
def test_parameter_counts_and_shapes_of_all_networks_are_nvidias(
    topic, compared, network_spec: MakeSpec
) -> None:
    content = json.loads(topic("model.json").read_text())
    width, height = content["input_wh"]
    for case in content["networks"]:
        spec = network_spec(layers=case["nlayers"])
        with torch.device("meta"):
            network = network_of(spec, release=case["release"], classes=case["classes"])
            heads = network.eval()(torch.empty(1, 3, height, width))

        assert _counts(network) == case["params"], case
        for head, name in zip(heads, HEADS, strict=True):
            assert list(head.shape[1:]) == case["head_output_shapes"][name][1:], case
        if "model_output_shape" in case:
            rows = sum(head.shape[2] * head.shape[3] * case["anchors_per_scale"] for head in heads)
            assert [rows, 11 + case["classes"]] == case["model_output_shape"][1:], case
        if "weighted_layers" in case:
            assert _weights(network) == {
                layer["name"]: {"type": layer["type"], "weights": layer["weights"]}
                for layer in case["weighted_layers"]
            }
    compared("model.json", len(content["networks"]))


def test_layers_their_connections_and_settings_are_nvidias(topic, compared, network_spec: MakeSpec) -> None:
    content = json.loads(topic("model.json").read_text())
    width, height = content["input_wh"]
    for case in content["networks"]:
        if "topology" not in case:
            continue
        spec, release = network_spec(layers=case["nlayers"]), case["release"]
        with torch.device("meta"):
            network = network_of(spec, release=release, classes=case["classes"])
            ours = layers_of(
                network.eval(), torch.empty(1, 3, height, width), spec, process_rows=release == "5.0"
            )
        called = keys((layer["name"], layer["type"]) for layer in case["topology"])
        assert set(ours) == set(called.values())
        for layer in case["topology"]:
            found = ours[called[layer["name"]]]
            assert found.inputs == [called[name] for name in layer["inputs"]], layer["name"]
            assert list(found.output.shape[1:]) == layer["output_shape"][1:], layer["name"]
            assert (found.kind, found.config) == (layer["type"], _config(layer["config"])), layer["name"]
            compared("model.json", 1)


def test_frozen_blocks_and_other_variants_have_nvidias_counts(
    topic, compared, network_spec: MakeSpec
) -> None:
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
            network = network_of(spec, release=case["release"], classes=case["classes"])
            layers = layers_of(network.eval(), torch.empty(1, 3, 64, 64), spec, process_rows=True)

        assert _counts(network) == case["params"], case
        if "activations" in case:
            found, expected = Counter(layer.kind for layer in layers.values()), case["activations"]
            # Keras has two kinds of layer for ReLU, one for the backbone and one for the neck.
            assert found["Activation"] == expected["Activation"] + expected["ReLU"], case
            assert found["LeakyReLU"] == expected["LeakyReLU"], case
    compared("model.json", len(cases))


@pytest.mark.slow
def test_heads_of_a_picture_and_what_every_layer_puts_out_are_nvidias(
    topic, arrays, compared, network_spec: MakeSpec
) -> None:
    content, vectors = json.loads(topic("forward.json").read_text()), arrays("forward.npz")
    for name, net in content["nets"].items():
        spec = network_spec(layers=net["nlayers"])
        network = network_of(spec, release=net["release"], classes=content["classes"]).eval()
        fill(network, net["tensors"])
        picture = torch.from_numpy(vectors[f"{name}/input"])
        with torch.no_grad():
            heads = network(picture)
            layers = layers_of(network, picture, spec, process_rows=net["release"] == "5.0")

        expected = {head: vectors[f"{name}/{head}"] for head in HEADS}
        found = dict(zip(HEADS, heads, strict=True))
        if f"{name}/model_output" in vectors:
            expected["rows"] = vectors[f"{name}/model_output"]
            found["rows"] = encode_predictions(heads, spec, tuple(reversed(net["input_wh"])))
        for part, values in expected.items():
            assert np.abs(found[part].numpy() - values).max() <= 1e-3 * np.abs(values).max(), (name, part)
            compared("forward.npz", 1)
        called = keys((layer["layer"], layer["type"]) for layer in net["activations"])
        for layer in net["activations"]:
            _compare_output(layers[called[layer["layer"]]], layer)
            compared("forward.json", 1)


def _compare_output(found: Layer, expected: dict[str, Any]) -> None:
    values = found.output.numpy().astype(np.float64)
    near = {"rel": 0.0, "abs": 1e-3 * np.abs(values).max()}  # as for heads
    where = expected["layer"]
    assert (found.kind, list(values.shape)) == (expected["type"], expected["shape"]), where
    assert values.mean() == pytest.approx(expected["mean"], **near), where
    assert values.std() == pytest.approx(expected["std"], **near), where
    assert values[0, 0].flatten()[:3].tolist() == pytest.approx(expected["first"], **near), where


def _config(expected: dict[str, Any]) -> Any:
    """A golden layer's settings, as far as numbers are stored and words have one meaning only."""
    if expected.get("kernel_size") == [1, 1]:
        expected = expected | {"padding": "same"}  # "valid" is the same
    return {
        key: pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
        for key, value in expected.items()
    }


def _weights(network: Yolo) -> dict[str, Any]:
    """What `weighted_layers` says of a network, by layer."""
    kinds = {
        nn.Conv2d: ("Conv2D", ("kernel", "bias")),
        nn.BatchNorm2d: ("BatchNormalization", ("gamma", "beta", "moving_mean", "moving_variance")),
    }
    layers = {}
    for path, module in network.named_modules():
        if type(module) in kinds:
            kind, names = kinds[type(module)]
            name = path.rpartition(".")[2]
            weights = []
            for weight in names[: 1 if getattr(module, "bias", 0) is None else None]:
                tensor = tensor_of(network, name, weight)
                shape = list(as_keras(tensor).shape)
                weights.append({"name": weight, "shape": shape, "trainable": tensor.requires_grad})
            layers[name] = {"type": kind, "weights": weights}
    return layers


def _counts(network: Yolo) -> dict[str, int]:
    running = sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)
    every = sum(weight.numel() for weight in network.parameters())
    trainable = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    return {"total": every + running, "trainable": trainable, "non_trainable": every + running - trainable}
