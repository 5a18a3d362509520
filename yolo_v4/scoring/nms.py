"""Non-maximum suppression: from rows of the network to detections."""

from typing import NamedTuple

import torch
from torch import Tensor

from yolo_v4.boxes import pairwise_iou
from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment, Nms

BLOCK = 512  # candidates compared at a time, which limits memory
FIRST_LOOK = 2048  # candidates tried first; an untrained network has tens of thousands


class Detections(NamedTuple):
    """The detections on one picture, best first. D = their number."""

    boxes: Tensor  # [D, 4] corners
    scores: Tensor  # [D]
    classes: Tensor  # [D] int64


@torch.inference_mode()
def predict(network: Yolo, pixels: Tensor, experiment: Experiment) -> Tensor:
    """Rows [B, N, 11 + C] of network input [B, C, H, W] of the configured size, on the network's device."""
    device = next(network.parameters()).device
    heads = network(pixels.to(device, non_blocking=True))
    return encode_predictions(heads, experiment.network, (pixels.shape[2], pixels.shape[3]))


@torch.inference_mode()
def detections(rows: Tensor, spec: Nms) -> list[Detections]:
    """The detections of each picture, of rows [B, N, 11 + C]; on the CPU, boxes in shares of the input."""
    boxes, scores = (part.cpu() for part in decode_rows(rows))
    return [suppress(*picture, spec) for picture in zip(boxes, scores, strict=True)]


def suppress(boxes: Tensor, scores: Tensor, spec: Nms) -> Detections:
    """The detections of one picture, of boxes [N, 4], corners in shares of the picture, and scores [N, C].

    Candidates are the scores above the confidence threshold. A candidate is removed if a better one of its
    class that is kept overlaps it by more than the IoU threshold. The best `top_k` are kept; their boxes are
    clipped to the picture afterwards.
    Source: TensorFlow's combined_non_max_suppression, as in NVIDIA's cv/yolo_v3/layers/nms_layer.py.
    """
    is_candidate = scores > spec.confidence_threshold
    if is_candidate.count_nonzero() > FIRST_LOOK:
        # Worse candidates do not change which of the better ones are kept, so they are not needed once there
        # are `top_k` detections.
        least_score = scores.flatten().topk(FIRST_LOOK).values[-1]
        best = _suppress(boxes, scores, scores >= least_score, spec)
        if len(best.scores) == spec.top_k:
            return best
    return _suppress(boxes, scores, is_candidate, spec)


def _suppress(boxes: Tensor, scores: Tensor, is_candidate: Tensor, spec: Nms) -> Detections:
    place, classes = is_candidate.nonzero(as_tuple=True)
    order = scores[place, classes].argsort(descending=True, stable=True)
    place = place[order]
    classes = classes[order]
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
    place = place[kept]
    classes = classes[kept]
    return Detections(boxes[place].clamp(0, 1), scores[place, classes], classes)


def _beaten(
    candidates: Tensor, classes: Tensor, better: Tensor, worse: Tensor, iou_threshold: float
) -> Tensor:
    """Which `worse` candidates each of the `better` ones removes if it is kept: bool [better, worse]."""
    overlap = pairwise_iou(candidates[better], candidates[worse]) > iou_threshold
    return overlap & (classes[better][:, None] == classes[worse])


def _survivors(beaten: Tensor) -> Tensor:
    """Which candidates no other one that is kept removes: bool [M], for an upper triangular `beaten` [M, M].

    Starting with all of them, each round removes those that are beaten by one kept in the round before. After
    n rounds the first n are final; mostly three or four rounds are enough for all.
    """
    kept = torch.ones(len(beaten), dtype=torch.bool)
    while True:
        kept_now = ~(beaten & kept[:, None]).any(dim=0)
        if torch.equal(kept_now, kept):
            return kept
        kept = kept_now
