"""From pictures to detections."""

import torch
from torch import Tensor

from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.nms import Detections, suppress
from yolo_v4.spec.experiment import Experiment


@torch.inference_mode()
def detect(network: Yolo, pixels: Tensor, experiment: Experiment) -> list[Detections]:
    """What a network in evaluation mode finds.

    Args:
        network: on its device.
        pixels: [B, C, H, W] network input of the configured size, on the CPU.
        experiment: anchors, grid extents and suppression.

    Returns:
        One for each picture, on the CPU; boxes as shares of the network input.
    """
    device = next(network.parameters()).device
    rows = encode_predictions(network(pixels.to(device)), experiment.network, (pixels.shape[2], pixels.shape[3]))
    boxes, scores = (part.cpu() for part in decode_rows(rows))
    return [suppress(*picture, experiment.nms) for picture in zip(boxes, scores, strict=True)]
