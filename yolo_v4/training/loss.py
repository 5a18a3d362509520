"""The YOLOv4 loss: CIoU for locations, cross-entropy for objectness and classes.

It is summed over the boxes of a picture and averaged over pictures.
Legend: B = pictures, N = rows, P = positives, the rows responsible for a true box, C = classes.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/losses/yolo_loss.py, cv/common/losses/base_loss.py.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from yolo_v4.boxes import EPSILON, centres_to_corners, ciou_loss, pairwise_iou
from yolo_v4.data import targets
from yolo_v4.data.targets import Target
from yolo_v4.network import grid
from yolo_v4.network.grid import predicted_boxes
from yolo_v4.spec.experiment import Extension, NetworkSpec


class LossTerms(NamedTuple):
    """The loss and its terms, each a scalar; the spec's weights are applied in `total` only."""

    total: Tensor
    loc: Tensor
    obj_pos: Tensor
    obj_neg: Tensor
    cls: Tensor


def yolo_loss(
    target: Target,
    y_pred: Tensor,
    spec: NetworkSpec,
    extension: Extension = Extension(),  # noqa: B008  # frozen
) -> LossTerms:
    """The loss of predictions [B, N, 11 + C] from `encode_predictions`, and its terms.

    The terms of locations and classes are computed for positives only. Nothing here makes the CPU wait for a
    GPU.
    """
    batch = len(y_pred)
    true_P = target.rows.flatten(0, 1)[target.positive]
    found_P = y_pred.flatten(0, 1)[target.positive]
    true_boxes_P4 = true_P[:, [1, 0, 3, 2]]
    weight_P = true_P[:, -1]

    # Between 1 and 2: the smaller a box, the more it counts.
    size_weight_P = 2 - true_boxes_P4[:, 2] * true_boxes_P4[:, 3]
    ciou_P = ciou_loss(true_boxes_P4, predicted_boxes(found_P))
    loc = (ciou_P * size_weight_P * weight_P).sum() / batch
    class_PC = _cross_entropy(true_P[:, targets.FIRST_CLASS : -1], found_P[:, grid.FIRST_CLASS :], spec)
    cls = (class_PC.sum(dim=1) * weight_P).sum() / batch

    positive_BN = target.rows[..., targets.OBJECTNESS]
    wanted_BN = positive_BN
    if extension.objectness_iou:
        wanted_BN = positive_BN.flatten().scatter(0, target.positive, _overlap(ciou_P)).view_as(positive_BN)
    objectness_BN = _cross_entropy(wanted_BN, y_pred[..., grid.OBJECTNESS], spec)
    obj_pos = (objectness_BN * positive_BN).sum() / batch
    is_background_BN = _background(target, y_pred, spec.neutral_box_iou)
    obj_neg = (objectness_BN * (1 - positive_BN) * is_background_BN).sum() / batch

    total = (
        spec.location_weight * loc
        + obj_pos
        + spec.class_weight * cls
        + spec.negative_objectness_weight * obj_neg
    )
    return LossTerms(total, loc, obj_pos, obj_neg, cls)


def _overlap(ciou_loss_P: Tensor) -> Tensor:
    """How well boxes were found, 0..1, without gradient: CIoU, and 0 where that is below 0.

    As a target of objectness, it lets boxes of one object be ranked by how well they fit.
    Source: YOLOv5 of Ultralytics (2020), `ComputeLoss`.
    """
    return (1 - ciou_loss_P.detach()).clamp(min=0)


@torch.no_grad()
def _background(target: Target, y_pred: Tensor, threshold: float) -> Tensor:
    """Which predicted boxes overlap no true box by `threshold` or more: bool [B, N]."""
    overlap = pairwise_iou(target.boxes, centres_to_corners(predicted_boxes(y_pred)))
    return overlap.amax(dim=1) < threshold


def _cross_entropy(true: Tensor, logit: Tensor, spec: NetworkSpec) -> Tensor:
    """Binary cross-entropy of each element, with the spec's label smoothing and focal loss."""
    true = true * (1 - spec.label_smoothing) + spec.label_smoothing / 2
    probability = logit.sigmoid()
    log_yes = probability.clamp(min=EPSILON).log()
    log_no = (1 - probability).clamp(min=EPSILON).log()
    entropy = -(true * log_yes + (1 - true) * log_no)
    if spec.focal_alpha > 0 and spec.focal_gamma > 0:
        right = true * probability + (1 - true) * (1 - probability)
        balance = true * spec.focal_alpha + (1 - true) * (1 - spec.focal_alpha)
        entropy = entropy * (1 - right) ** spec.focal_gamma * balance
    return entropy
