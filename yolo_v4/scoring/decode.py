"""From head outputs to boxes and scores, and from pictures to detections."""

import torch
from torch import Tensor

from yolo_v4.boxes import centres_to_corners
from yolo_v4.network.grid import FIRST_CLASS, OBJECTNESS, encode_predictions, predicted_boxes
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.nms import Detections, suppress
from yolo_v4.spec.experiment import Experiment


def decode_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes and scores of predictions.

    Args:
        rows: [B, N, 11 + C] from `encode_predictions`.

    Returns:
        [B, N, 4] corners as shares of the picture, not cut to it; [B, N, C] scores 0..1, one a class, which do not add up to 1.
    """
    scores = rows[..., FIRST_CLASS:].sigmoid() * rows[..., OBJECTNESS : OBJECTNESS + 1].sigmoid()
    return centres_to_corners(predicted_boxes(rows)), scores


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
