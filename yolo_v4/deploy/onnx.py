"""Convert a trained network to an ONNX model of standard operators that includes decoding and suppression.

Input `Input` [batch, channels, height, width] float32: b, g, r (or grey), 0..255, minus the mean.
The outputs have the names and order of TAO's BatchedNMS node. For each picture they hold its detections, best
first, then filling; `description.OUTPUTS` tells their shapes.
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

from yolo_v4.deploy.description import OUTPUTS
from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment, Nms

OPSET = 17
NVINFER_NOTE = """\
# Frames keep their aspect ratio, centred, scaled bilinearly, as in `yolo_v4 evaluate`.
# DeepStream cannot pad with the mean colour of a frame: it pads with black. Frames of the network's shape
# are not padded, and get the AP that was measured; for others it can differ.
"""


class Candidates(nn.Module):
    """A network with its decoding: all N predictions, before suppression.

    The outputs are boxes [B, N, 4], corners in shares of the picture, not clipped to it, and scores [B, C,
    N].
    """

    def __init__(self, network: Yolo, experiment: Experiment, *, dtype: torch.dtype = torch.float32) -> None:
        """Wrap a copy of a network on the CPU; the copy computes in `dtype`, all around it in 32 bits."""
        super().__init__()
        self._dtype = dtype
        self._spec = experiment.network
        self.original = network
        self.network = copy.deepcopy(network).to(self._dtype)
        self.eval()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        heads = self.network(pixels.to(self._dtype))
        rows = encode_predictions(heads, self._spec, (pixels.shape[2], pixels.shape[3]))
        boxes, scores = decode_rows(rows)
        return boxes, scores.transpose(1, 2)


def trace_candidates(network: Candidates, experiment: Experiment) -> onnx.ModelProto:
    """The model with the outputs `boxes` and `scores`, before suppression; the same bytes each time."""
    spec = experiment.augmentation
    stream = io.BytesIO()
    example = torch.zeros(1, spec.channels, spec.height, spec.width)
    network(
        example
    )  # fills the cache of the grid's constants, which would be computed in the graph otherwise
    # PyTorch 2.4 has no argument `dynamo`, and traces.
    has_dynamo = "dynamo" in inspect.signature(torch.onnx.export).parameters
    tracing: Any = {"dynamo": False} if has_dynamo else {}
    # The exporter that traces warns that it is deprecated, and that it stores constants, as it should here.
    # The newer one takes 19 s of processor time for a ResNet-10 where this one takes 2, and writes paths of
    # source files into the model.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            stream,  # type: ignore[arg-type]  # torch's stubs allow paths only
            **tracing,
            opset_version=OPSET,
            input_names=["Input"],
            output_names=["boxes", "scores"],
            dynamic_axes={name: {0: "batch"} for name in ("Input", "boxes", "scores")},
        )
    return onnx.load_from_string(stream.getvalue())


def add_suppression(
    candidates: onnx.ModelProto, experiment: Experiment, facts: dict[str, str], *, predictions: int
) -> onnx.ModelProto:
    """The complete model with metadata `facts`, of the one of `trace_candidates` with N = `predictions`."""
    model = onnx.ModelProto()
    model.CopyFrom(candidates)
    kept = min(experiment.nms.top_k, predictions * len(experiment.classes))
    graph = model.graph
    graph.initializer.extend(_constants(experiment.nms, predictions, kept))
    for place, (operator, inputs, outputs, attributes) in enumerate(NODES):
        graph.node.append(helper.make_node(operator, inputs, outputs, name=f"suppress_{place}", **attributes))
    del graph.output[:]
    for name, shape in zip(OUTPUTS, ([1], [kept, 4], [kept], [kept]), strict=True):
        kind = TensorProto.INT32 if name == "BatchedNMS" else TensorProto.FLOAT
        graph.output.append(helper.make_tensor_value_info(name, kind, ["batch", *shape]))
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model


# Operator, inputs, outputs, attributes. The scores that NonMaxSuppression chose are written into an array of
# zeros [B, C, N], whose best `top_k` are then taken.
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
    floats = {
        "iou_threshold": [nms.iou_threshold],
        "score_threshold": [nms.confidence_threshold],
        "zero": 0,
        "one": 1,
        "no_class": -1,
    }
    values: dict[str, Any] = {name: np.array(value, dtype=np.int64) for name, value in integers.items()}
    values |= {name: np.array(value, dtype=np.float32) for name, value in floats.items()}
    return [numpy_helper.from_array(value, name) for name, value in values.items()]


def nvinfer_config(experiment: Experiment) -> str:
    """The settings for NVIDIA DeepStream's nvinfer; it places frames as evaluation does, but for padding.

    TAO writes maintain-aspect-ratio=0, which stretches frames of another shape than the network's.
    """
    spec = experiment.augmentation
    settings = {
        "net-scale-factor": "1.0",
        "offsets": ";".join(map(str, spec.mean)),
        "infer-dims": f"{spec.channels};{spec.height};{spec.width}",
        "network-type": "0",
        "num-detected-classes": str(len(experiment.classes)),
        "model-color-format": "1" if spec.channels == 3 else "2",
        "maintain-aspect-ratio": "1",
        "symmetric-padding": "1",
        "scaling-filter": "1",
        "output-tensor-meta": "0",
    }
    return NVINFER_NOTE + "".join(f"{key}={value}\n" for key, value in settings.items())
