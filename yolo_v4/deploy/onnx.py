"""A trained network as an ONNX model of standard operators, with decoding and suppression inside.

Input `Input` [batch, channels, height, width] float32: b, g, r (or grey), 0..255, minus the mean.
Outputs have names and order of TAO's BatchedNMS node; for each picture its detections, best first, then filling:
    BatchedNMS    [batch, 1] int32           number of detections
    BatchedNMS_1  [batch, top_k, 4] float32  corners x1, y1, x2, y2 as shares of the input; filling 0
    BatchedNMS_2  [batch, top_k] float32     scores; filling 0
    BatchedNMS_3  [batch, top_k] float32     class ids; filling -1
Source of names and order: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/export/yolov4_exporter.py.
"""

import copy
import inspect
import io
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment, Nms

OPSET = 17
OUTPUTS = ("BatchedNMS", "BatchedNMS_1", "BatchedNMS_2", "BatchedNMS_3")


class Candidates(nn.Module):
    """A network and its decoding: boxes [B, N, 4], not cut to the picture, and scores [B, C, N] of all predictions."""

    def __init__(self, network: Yolo, experiment: Experiment, *, half: bool = False) -> None:
        """Wrap a network on the CPU; `half`: weights and the inside in 16 bits, input, decoding and outputs in 32."""
        super().__init__()
        self._dtype = torch.float16 if half else torch.float32
        self._spec, self.original = experiment.network, network
        self.network = copy.deepcopy(network).to(self._dtype)
        self.eval()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        heads = self.network(pixels.to(self._dtype))
        boxes, scores = decode_rows(encode_predictions(heads, self._spec, (pixels.shape[2], pixels.shape[3])))
        return boxes, scores.transpose(1, 2)


def trace_candidates(network: Candidates, experiment: Experiment) -> onnx.ModelProto:
    """The model with the outputs `boxes` and `scores`, before suppression; the same bytes each time."""
    spec = experiment.augmentation
    stream, example = io.BytesIO(), torch.zeros(1, spec.channels, spec.height, spec.width)
    network(example)  # grid constants are made once, not in the graph
    tracing: Any = (
        {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    )  # as in 2.4
    # The exporter that traces is deprecated and says so, among remarks on constants that are meant. The newer one takes
    # 19 s of processor time for a ResNet-10 where this one takes 2, and writes paths of source files into the model.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            stream,  # type: ignore[arg-type]  # torch's stubs know paths only
            **tracing,
            opset_version=OPSET,
            input_names=["Input"],
            output_names=["boxes", "scores"],
            dynamic_axes={name: {0: "batch"} for name in ("Input", "boxes", "scores")},
        )
    return onnx.load_from_string(stream.getvalue())


def add_suppression(
    candidates: onnx.ModelProto, experiment: Experiment, *, predictions: int
) -> onnx.ModelProto:
    """The whole model, of what `trace_candidates` gave and N, the number of `predictions` before suppression."""
    model = onnx.ModelProto()
    model.CopyFrom(candidates)
    kept = min(experiment.nms.top_k, predictions * len(experiment.classes))
    graph = model.graph
    graph.initializer.extend(_constants(experiment.nms, predictions, kept))
    graph.node.extend(
        helper.make_node(*node[:3], name=f"suppress_{place}", **node[3]) for place, node in enumerate(NODES)
    )
    del graph.output[:]
    for name, shape in zip(OUTPUTS, ([1], [kept, 4], [kept], [kept]), strict=True):
        kind = TensorProto.INT32 if name == OUTPUTS[0] else TensorProto.FLOAT
        graph.output.append(helper.make_tensor_value_info(name, kind, ["batch", *shape]))
    facts = {
        "classes": ",".join(experiment.classes),
        "mean": ",".join(map(str, experiment.augmentation.mean)),
    }
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model


# Operator, inputs, outputs, attributes: chosen scores go back into an empty [B, C, N], and its best `top_k` are taken.
NODES: tuple[tuple[str, list[str], list[str], dict[str, Any]], ...] = (
    ("NonMaxSuppression", ["boxes", "scores", "top_k", "iou_threshold", "score_threshold"], ["chosen"], {}),
    ("GatherND", ["scores", "chosen"], ["chosen_scores"], {}),
    ("Mul", ["scores", "zero"], ["no_scores"], {}),
    ("ScatterND", ["no_scores", "chosen", "chosen_scores"], ["kept_scores"], {}),
    ("Reshape", ["kept_scores", "flat"], ["flat_scores"], {}),
    ("TopK", ["flat_scores", "kept"], ["BatchedNMS_2", "place"], {}),
    ("Greater", ["BatchedNMS_2", "zero"], ["found"], {}),
    ("Cast", ["found"], ["found_int"], {"to": TensorProto.INT32}),
    ("ReduceSum", ["found_int", "last_axis"], ["BatchedNMS"], {"keepdims": 1}),
    ("Div", ["place", "predictions"], ["class_int"], {}),
    ("Cast", ["class_int"], ["class_float"], {"to": TensorProto.FLOAT}),
    ("Where", ["found", "class_float", "no_class"], ["BatchedNMS_3"], {}),
    ("Mod", ["place", "predictions"], ["row"], {}),
    ("Unsqueeze", ["row", "last_axis"], ["row_index"], {}),
    ("GatherND", ["boxes", "row_index"], ["kept_boxes"], {"batch_dims": 1}),
    ("Clip", ["kept_boxes", "zero", "one"], ["cut_boxes"], {}),
    ("Unsqueeze", ["found", "last_axis"], ["found_box"], {}),
    ("Where", ["found_box", "cut_boxes", "zero"], ["BatchedNMS_1"], {}),
)


def _constants(nms: Nms, predictions: int, kept: int) -> list[onnx.TensorProto]:
    integers = {
        "top_k": [nms.top_k],
        "kept": [kept],
        "flat": [0, -1],
        "last_axis": [-1],
        "predictions": [predictions],
    }
    numbers = {"iou_threshold": [nms.iou_threshold], "score_threshold": [nms.confidence_threshold]}
    values: dict[str, Any] = {name: np.array(value, dtype=np.int64) for name, value in integers.items()}
    values |= {name: np.array(value, dtype=np.float32) for name, value in numbers.items()}
    values |= {
        name: np.array(value, dtype=np.float32) for name, value in (("zero", 0), ("one", 1), ("no_class", -1))
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]


def nvinfer_config(experiment: Experiment) -> str:
    """What NVIDIA DeepStream's nvinfer has to know of the input and the number of classes, as TAO writes it."""
    spec = experiment.augmentation
    lines = {
        "net-scale-factor": "1.0",
        "offsets": ";".join(map(str, spec.mean)),
        "infer-dims": f"{spec.channels};{spec.height};{spec.width}",
        "network-type": "0",
        "num-detected-classes": str(len(experiment.classes)),
        "model-color-format": "1" if spec.channels == 3 else "2",
        "maintain-aspect-ratio": "0",
        "output-tensor-meta": "0",
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())
