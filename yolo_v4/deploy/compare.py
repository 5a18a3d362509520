"""Does an exported model say what the network says?"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor

from yolo_v4.deploy.onnx import Candidates

Floats = npt.NDArray[np.float32]


def run_onnx(model: onnx.ModelProto, pixels: Tensor) -> list[Any]:
    """Outputs of a model for pictures [B, C, H, W], computed by onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"Input": pixels.numpy()}))


@torch.inference_mode()
def differences(network: Candidates, found: list[Floats], pixels: Tensor) -> tuple[float, float]:
    """Largest differences between onnxruntime's candidates and PyTorch's.

    Returns:
        Of boxes, as a share of the picture or, where a corner lies further out, of its distance; and of scores.
    """
    boxes, scores = (part.numpy() for part in network(pixels))
    box_difference = np.abs(found[0] - boxes) / np.maximum(1.0, np.abs(boxes))
    return float(box_difference.max()), float(np.abs(found[1] - scores).max())
