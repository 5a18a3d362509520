"""Our network, traced, as NVIDIA's list of layers: kinds, inputs, settings, and the output of each."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import HEADS, Yolo
from yolo_v4.spec.experiment import NetworkSpec

# Keras made up names for most of these, and the order of work tells them apart as well.
NAMELESS = ("InputLayer", "Activation", "Add", "MaxPooling2D", "UpSampling2D", "Concatenate")
ANCHOR_COLUMNS = 6  # of a row, before what the network said


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of Keras' kind."""

    kind: str
    inputs: list[str]
    config: dict[str, Any]
    output: Tensor


def keys(layers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name -> what the layer is called here, of pairs (name, kind) in order of work."""
    seen: Counter[str] = Counter()
    called = {}
    for name, kind in layers:
        seen[kind] += 1
        called[name] = f"{kind} {seen[kind]}" if kind in NAMELESS else name
    return called


def layers_of(network: Yolo, picture: Tensor, spec: NetworkSpec, *, process_rows: bool) -> dict[str, Layer]:
    """Every layer that works on a picture [B, C, H, W], by its key.

    `process_rows`: as in 5.0; the reconstruction of 3.21 in the golden vectors leaves them as the heads gave
    them.
    """
    graph = fx.symbolic_trace(network)
    recorder = _Recorder(graph)
    recorder.run(picture)
    layers = {"Input": Layer("InputLayer", [], {}, picture)}
    names: dict[str, str] = {}  # of nodes of the trace
    for node in graph.graph.nodes:
        sources = [names[source.name] for source in node.all_input_nodes if source.name in names]
        if node.op == "placeholder":
            names[node.name] = "Input"
        elif node.target in ("contiguous", F.pad):
            names[node.name] = sources[0]  # no layers: memory format, and the padding of pools
        elif node.op != "output":
            layer = _layer(node, sources, network, layers, recorder.outputs[node.name])
            name = sources[0].removesuffix("_bn") + "_lrelu" if layer.kind == "LeakyReLU" else node.name
            names[node.name] = str(node.target).rpartition(".")[2] if node.op == "call_module" else name
            layers[names[node.name]] = layer
    layers.update(_row_layers(layers, spec, process_rows))
    called = keys((name, layer.kind) for name, layer in layers.items())
    return {
        called[name]: Layer(
            layer.kind, [called[source] for source in layer.inputs], layer.config, layer.output
        )
        for name, layer in layers.items()
    }


class _Recorder(fx.Interpreter):
    """Keeps a copy of everything that is computed, before something works on it in place."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.outputs: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        output = super().run_node(n)
        if isinstance(output, Tensor):
            self.outputs[n.name] = output.clone()
        return output


def _layer(
    node: fx.Node, sources: list[str], network: Yolo, layers: dict[str, Layer], output: Tensor
) -> Layer:
    if node.op == "call_module":
        module = network.get_submodule(str(node.target))
        if isinstance(module, nn.Conv2d):
            return Layer("Conv2D", sources, _conv_config(module), output)
        assert isinstance(module, nn.BatchNorm2d)
        config = {"axis": 1, "epsilon": module.eps, "momentum": 1 - (module.momentum or 0.0)}
        return Layer("BatchNormalization", sources, config, output)
    if node.target is F.leaky_relu:
        return Layer("LeakyReLU", sources, {"alpha": node.kwargs["negative_slope"]}, output)
    if node.target is F.relu:
        return Layer("Activation", sources, {"activation": "relu"}, output)
    if node.target == "add_":
        return Layer("Add", sources, {}, output)
    if node.target is torch.cat:
        return Layer("Concatenate", sources, {"axis": node.kwargs["dim"]}, output)
    if node.target is F.interpolate:
        config = {"size": [int(node.kwargs["scale_factor"])] * 2, "interpolation": node.kwargs["mode"]}
        return Layer("UpSampling2D", sources, config, output)
    # What is left is a pool. One of pixels that were pooled sees further: 5 of 5 is 9, and 5 of 9 is 13.
    size, before = int(node.args[1]), layers[sources[0]]
    if before.kind == "MaxPooling2D":
        sources, size = before.inputs, size + before.config["pool_size"][0] - 1
    config = {"pool_size": [size] * 2, "strides": [node.kwargs["stride"]] * 2, "padding": "same"}
    return Layer("MaxPooling2D", sources, config, output)


def _conv_config(module: nn.Conv2d) -> dict[str, Any]:
    same = tuple(module.padding) == tuple(size // 2 for size in module.kernel_size)
    return {
        "filters": module.out_channels,
        "kernel_size": list(module.kernel_size),
        "strides": list(module.stride),
        "padding": "same" if same else module.padding,
        "use_bias": module.bias is not None,
        "activation": "linear",
    }


def _row_layers(layers: dict[str, Layer], spec: NetworkSpec, processed: bool) -> Iterator[tuple[str, Layer]]:
    """What NVIDIA's models do with the heads as layers, and ours in one function."""
    height, width = layers["Input"].output.shape[2:]
    rows = encode_predictions([layers[head].output for head in HEADS], spec, (height, width))
    scales = rows.split([_count(layers[head].output, spec) for head in HEADS], dim=1)
    encoded = []
    for scale, head, share, extend in zip(
        ("bg", "md", "sm"), HEADS, scales, spec.grid_xy_extend, strict=True
    ):
        permuted = layers[head].output.permute(0, 2, 3, 1)
        columns = share.shape[2] - ANCHOR_COLUMNS
        raw = permuted.reshape(share.shape[0], -1, columns)
        yield f"{scale}_permute", Layer("Permute", [head], {"dims": [2, 3, 1]}, permuted)
        reshape = Layer("Reshape", [f"{scale}_permute"], {"target_shape": [-1, columns]}, raw)
        yield f"{scale}_reshape", reshape
        yield f"{scale}_anchor", Layer("YOLOAnchorBox", [head], {}, share[..., :ANCHOR_COLUMNS])
        said, name = share[..., ANCHOR_COLUMNS:], f"{scale}_bbox_processor"
        if processed:
            yield (
                name,
                Layer("BBoxPostProcessingLayer", [f"{scale}_reshape"], {"grid_scale_xy": 1 + extend}, said),
            )
        else:
            said, name = raw, f"{scale}_reshape"
        encoded.append(
            (
                f"encoded_{scale}",
                [f"{scale}_anchor", name],
                torch.cat((share[..., :ANCHOR_COLUMNS], said), dim=2),
            )
        )
    for name, inputs, output in encoded:
        yield name, Layer("Concatenate", inputs, {"axis": -1}, output)
    whole = torch.cat([output for _, _, output in encoded], dim=1)
    yield "encoded_detections", Layer("Concatenate", [name for name, _, _ in encoded], {"axis": -2}, whole)


def _count(head: Tensor, spec: NetworkSpec) -> int:
    """Rows of a head; all scales have as many anchors."""
    return head.shape[2] * head.shape[3] * len(spec.anchors[0])
