"""From rows of the network to detections: of boxes of one class that overlap, the best stays."""

from typing import NamedTuple

import torch
from torch import Tensor

from yolo_v4.boxes import pairwise_iou
from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment, Nms

BLOCK = 512  # candidates looked at together; bounds memory where thousands stand above the threshold
FIRST_LOOK = (
    2048  # candidates among which `top_k` nearly always are; an untrained network has tens of thousands
)


class Detections(NamedTuple):
    """What was found on one picture, best first. D = detections."""

    boxes: Tensor  # [D, 4] corners
    scores: Tensor  # [D]
    classes: Tensor  # [D] int64


@torch.inference_mode()
def predict(network: Yolo, pixels: Tensor, experiment: Experiment) -> Tensor:
    """Rows [B, N, 11 + C], on the network's device, of network input [B, C, H, W] of the configured size."""
    device = next(network.parameters()).device
    heads = network(pixels.to(device, non_blocking=True))
    return encode_predictions(heads, experiment.network, (pixels.shape[2], pixels.shape[3]))


@torch.inference_mode()
def detections(rows: Tensor, spec: Nms) -> list[Detections]:
    """What the rows of each picture come to, on the CPU; boxes as shares of the network input."""
    boxes, scores = (part.cpu() for part in decode_rows(rows))
    return [suppress(*picture, spec) for picture in zip(boxes, scores, strict=True)]


def suppress(boxes: Tensor, scores: Tensor, spec: Nms) -> Detections:
    """Detections of one picture, of boxes [N, 4], corners in shares of the picture, and scores [N, C].

    Scores not above the confidence threshold are left out. A candidate stays unless a better one of its class that
    stays overlaps it by more than the IoU threshold. At most `top_k` stay; boxes are cut only afterwards.
    Source: TensorFlow's combined_non_max_suppression, as in NVIDIA's cv/yolo_v3/layers/nms_layer.py.
    """
    above = scores > spec.confidence_threshold
    if above.count_nonzero() > FIRST_LOOK:
        best = _suppress(boxes, scores, scores >= scores.flatten().topk(FIRST_LOOK).values[-1], spec)
        if len(best.scores) == spec.top_k:
            return best
    return _suppress(boxes, scores, above, spec)


def _suppress(boxes: Tensor, scores: Tensor, looked_at: Tensor, spec: Nms) -> Detections:
    place, classes = looked_at.nonzero(as_tuple=True)
    order = scores[place, classes].argsort(descending=True, stable=True)
    place, classes = place[order], classes[order]
    corners = boxes[place].unflatten(1, (2, 2))
    candidates = torch.cat((corners.amin(dim=1), corners.amax(dim=1)), dim=1)
    kept = torch.empty(0, dtype=torch.int64)
    for start in range(0, len(candidates), BLOCK):
        if len(kept) >= spec.top_k:
            break
        block = torch.arange(start, min(start + BLOCK, len(candidates)))
        block = block[~_beaten(candidates, classes, kept, block, spec.iou_threshold).any(dim=0)]
        beaten = _beaten(candidates, classes, block, block, spec.iou_threshold).triu(diagonal=1)
        kept = torch.cat((kept, block[_survivors(beaten)]))
    kept = kept[: spec.top_k]
    place, classes = place[kept], classes[kept]
    return Detections(boxes[place].clamp(0, 1), scores[place, classes], classes)


def _beaten(
    candidates: Tensor, classes: Tensor, better: Tensor, worse: Tensor, iou_threshold: float
) -> Tensor:
    """[better, worse] bool: same class and too much overlap."""
    overlap = pairwise_iou(candidates[better], candidates[worse]) > iou_threshold
    return overlap & (classes[better][:, None] == classes[worse])


def _survivors(beaten: Tensor) -> Tensor:
    """[M] bool: who is beaten by no survivor, for an upper triangular [M, M] `beaten`.

    After n rounds the first n are right whatever the rest, and mostly all are after three or four.
    """
    alive = torch.ones(len(beaten), dtype=torch.bool)
    while True:
        now = ~(beaten & alive[:, None]).any(dim=0)
        if torch.equal(now, alive):
            return alive
        alive = now
