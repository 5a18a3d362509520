"""Quantise a model to 8 bits with onnxruntime's static quantisation, symmetrically, as TensorRT requires."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from torch import Tensor

from yolo_v4.network.yolo import HEADS


def quantise(model: onnx.ModelProto, batches: Iterator[Tensor]) -> onnx.ModelProto:
    """The model with its convolutions in 8 bits, except for the last ones, the heads.

    `batches` of network input [B, C, H, W] are used to measure the ranges of the activations.
    """
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # the package has no types
        def get_next(self) -> dict[str, Any] | None:
            pixels = next(batches, None)
            return None if pixels is None else {"Input": pixels.numpy()}

    heads = [node.name for node in model.graph.node if any(head in node.name for head in HEADS)]
    disabled_before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it advises to preprocess the model, which tracing has done already
    try:
        with TemporaryDirectory() as folder:
            target = Path(folder) / "quantised.onnx"
            quantization.quantize_static(
                model,
                target,
                Reader(),
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=heads,
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
            )
            return onnx.load(target)
    finally:
        logging.disable(disabled_before)
