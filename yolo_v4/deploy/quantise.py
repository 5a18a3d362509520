"""A model with convolutions in 8 bits, by onnxruntime's static quantisation; symmetric, as TensorRT wants it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from torch import Tensor

from yolo_v4.network.yolo import HEADS


def quantise(model: onnx.ModelProto, batches: Iterator[Tensor]) -> onnx.ModelProto:
    """The model, its ranges measured on calibration batches [B, C, H, W]; the last convolutions keep their floats."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # the package has no types
        def get_next(self) -> dict[str, Any] | None:
            pixels = next(batches, None)
            return None if pixels is None else {"Input": pixels.numpy()}

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # advice on preparing the model, which was folded when it was traced
    try:
        with TemporaryDirectory() as folder:
            target = Path(folder) / "quantised.onnx"
            quantization.quantize_static(
                model,
                target,
                Reader(),
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=[
                    node.name for node in model.graph.node if any(head in node.name for head in HEADS)
                ],
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
            )
            return onnx.load(target)
    finally:
        logging.disable(before)
