"""The YOLOv4 loss: CIoU for places, cross-entropy for objectness and classes; a sum over boxes, a mean over pictures.

Legend: B = pictures, N = rows, P = rows that answer for a true box (positives), C = classes.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/losses/yolo_loss.py, cv/common/losses/base_loss.py.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from yolo_v4.boxes import EPSILON, centres_to_corners, ciou_loss, pairwise_iou
from yolo_v4.network import grid
from yolo_v4.network.grid import predicted_boxes
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training import targets


class LossTerms(NamedTuple):
    """Scalars; `total` carries the spec's weights, the four terms do not."""

    total: Tensor
    loc: Tensor
    obj_pos: Tensor
    obj_neg: Tensor
    cls: Tensor


def yolo_loss(y_true: Tensor, y_pred: Tensor, spec: NetworkSpec) -> LossTerms:
    """The loss of a batch and its terms.

    Only positives enter the terms for places and classes, so only they are computed.

    Args:
        y_true: [B, N, 7 + C] from `encode_targets`.
        y_pred: [B, N, 11 + C] from `encode_predictions`.
        spec: weights, label smoothing, focal constants and the IoU from which a prediction is no negative.
    """
    batch = len(y_true)
    positive_BN = y_true[..., targets.OBJECTNESS] > 0
    true_P, found_P = y_true[positive_BN], y_pred[positive_BN]
    true_boxes_P4 = true_P[:, [1, 0, 3, 2]]
    weight_P = true_P[:, -1]

    small_counts_more_P = 2 - true_boxes_P4[:, 2] * true_boxes_P4[:, 3]
    loc = (ciou_loss(true_boxes_P4, predicted_boxes(found_P)) * small_counts_more_P * weight_P).sum() / batch
    class_PC = _cross_entropy(true_P[:, targets.FIRST_CLASS : -1], found_P[:, grid.FIRST_CLASS :], spec)
    cls = (class_PC.sum(dim=1) * weight_P).sum() / batch

    logit_BN = y_pred[..., grid.OBJECTNESS]
    objectness_BN = _cross_entropy(positive_BN.to(logit_BN.dtype), logit_BN, spec)
    obj_pos = objectness_BN[positive_BN].sum() / batch
    obj_neg = objectness_BN[~positive_BN & ~_neutral(y_true, y_pred, positive_BN, spec.neutral_box_iou)].sum() / batch

    total = spec.location_weight * loc + obj_pos + spec.class_weight * cls + spec.negative_objectness_weight * obj_neg
    return LossTerms(total, loc, obj_pos, obj_neg, cls)


@torch.no_grad()
def _neutral(y_true: Tensor, y_pred: Tensor, positive_BN: Tensor, threshold: float) -> Tensor:
    """[B, N] bool: predicted boxes that overlap a true box by `threshold` or more, so are not told to be background."""
    neutral_BN = torch.zeros_like(positive_BN)
    for true, rows, positive_N, neutral_N in zip(y_true, y_pred, positive_BN, neutral_BN, strict=True):
        # A true box stands in several rows; once is enough here.
        true_boxes = true[positive_N][:, [1, 0, 3, 2]].unique(dim=0)
        if len(true_boxes):
            found_N4 = centres_to_corners(predicted_boxes(rows))
            torch.ge(pairwise_iou(centres_to_corners(true_boxes), found_N4).amax(dim=0), threshold, out=neutral_N)
    return neutral_BN


def _cross_entropy(true: Tensor, logit: Tensor, spec: NetworkSpec) -> Tensor:
    """Binary cross-entropy of each element, smoothed and focal as the spec says; logarithms end at 1e-18."""
    true = true * (1 - spec.label_smoothing) + spec.label_smoothing / 2
    probability = logit.sigmoid()
    log_yes, log_no = probability.clamp(min=EPSILON).log(), (1 - probability).clamp(min=EPSILON).log()
    entropy = -(true * log_yes + (1 - true) * log_no)
    if spec.focal_alpha > 0 and spec.focal_gamma > 0:
        right = true * probability + (1 - true) * (1 - probability)
        balance = true * spec.focal_alpha + (1 - true) * (1 - spec.focal_alpha)
        entropy = entropy * (1 - right) ** spec.focal_gamma * balance
    return entropy
