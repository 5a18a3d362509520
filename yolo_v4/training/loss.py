"""The YOLOv4 loss: CIoU for locations, cross-entropy for objectness and classes.

It is summed over the boxes of a picture and averaged over pictures.
Legend: B = pictures, N = rows, P = positives, the rows responsible for a true box, G = true boxes of a
picture, C = classes.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/losses/yolo_loss.py, cv/common/losses/base_loss.py.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from yolo_v4.boxes import EPSILON, ciou_loss, ends
from yolo_v4.data import targets
from yolo_v4.data.targets import Target
from yolo_v4.network import grid
from yolo_v4.network.grid import centres_and_sizes
from yolo_v4.spec.experiment import NetworkSpec


class LossTerms(NamedTuple):
    """The loss and its terms, each a scalar; the spec's weights are applied in `total` only."""

    total: Tensor
    loc: Tensor
    obj_pos: Tensor
    obj_neg: Tensor
    cls: Tensor


def yolo_loss(target: Target, y_pred: Tensor, spec: NetworkSpec) -> LossTerms:
    """The loss of predictions [B, N, 11 + C] from `encode_predictions`, and its terms.

    The terms of locations and classes are computed for positives only. Nothing here makes the CPU wait for a
    GPU, and no shape depends on a value.
    """
    content_P = target.contents.to(y_pred.dtype)
    found_P = y_pred.flatten(0, 1).index_select(0, target.rows)
    true_boxes_P = (content_P[:, targets.CENTRE], content_P[:, targets.SIZE])
    height_P, width_P = true_boxes_P[1].unbind(1)
    weight_P = content_P[:, targets.WEIGHT]

    # Between 1 and 2: the smaller a box, the more it counts.
    size_weight_P = 2 - width_P * height_P
    ciou_P = ciou_loss(true_boxes_P, centres_and_sizes(found_P))
    entropy_PK = _cross_entropy(content_P[:, targets.OBJECTNESS :], found_P[:, grid.OBJECTNESS :], spec)
    background_BN = _cross_entropy(0.0, y_pred[..., grid.OBJECTNESS], spec)
    sums = (
        (ciou_P * (size_weight_P * weight_P)).sum(),
        (entropy_PK[:, 0] * content_P[:, targets.OBJECTNESS]).sum(),
        (background_BN * _is_background(target, y_pred, spec.neutral_box_iou)).sum(),
        (entropy_PK[:, 1:] * weight_P[:, None]).sum(),
    )
    loc, obj_pos, obj_neg, cls = (torch.stack(sums) / len(y_pred)).unbind()
    total = torch.add(obj_pos, loc, alpha=spec.location_weight)
    total = total.add(cls, alpha=spec.class_weight).add(obj_neg, alpha=spec.negative_objectness_weight)
    return LossTerms(total, loc, obj_pos, obj_neg, cls)


@torch.no_grad()
def _is_background(target: Target, y_pred: Tensor, threshold: float) -> Tensor:
    """1 for rows that are no positives and whose box overlaps no true box by `threshold`, else 0: [B, N]."""
    centre, size = centres_and_sizes(y_pred)
    # Axes come first, so that every operation below runs along whole rows of memory.
    start_2BN, end_2BN = (end.movedim(-1, 0).contiguous() for end in ends(centre, size))
    true_start_2BG, true_end_2BG = target.boxes.movedim(-1, 0).split(2)
    shared_2BGN = torch.minimum(true_end_2BG[..., None], end_2BN[:, :, None])
    shared_2BGN.sub_(torch.maximum(true_start_2BG[..., None], start_2BN[:, :, None])).clamp_(min=0)
    overlap_BGN = shared_2BGN[0].mul_(shared_2BGN[1])
    # IoU >= t where overlap >= t (area + area - overlap), so where overlap >= t / (1 + t) (area + area).
    share = threshold / (1 + threshold)
    true_area_BG = (true_end_2BG - true_start_2BG).prod(dim=0)
    excess_BN = overlap_BGN.sub_(true_area_BG[..., None], alpha=share).amax(dim=1)
    is_background_BN = (excess_BN < share * size.prod(dim=-1)).to(y_pred.dtype)
    # Subtracted, not written: rows that fill up the target name a row that may be another one's.
    objectness_P = target.contents[:, targets.OBJECTNESS].to(y_pred.dtype)
    is_background_BN.view(-1).index_add_(0, target.rows, objectness_P, alpha=-1)
    return is_background_BN.clamp_(min=0)


def _cross_entropy(true: Tensor | float, logit: Tensor, spec: NetworkSpec) -> Tensor:
    """Binary cross-entropy of each element, with the spec's label smoothing and focal loss."""
    if spec.label_smoothing > 0:
        true = true * (1 - spec.label_smoothing) + spec.label_smoothing / 2
    probability = logit.sigmoid()
    log_no = (1 - probability).clamp(min=EPSILON).log()
    if isinstance(true, float) and true == 0:
        entropy = -log_no
    else:
        entropy = -torch.lerp(log_no, probability.clamp(min=EPSILON).log(), true)
    if spec.focal_alpha > 0 and spec.focal_gamma > 0:
        right = true * probability + (1 - true) * (1 - probability)
        balance = true * spec.focal_alpha + (1 - true) * (1 - spec.focal_alpha)
        # With a gamma below 1 the slope of a power is infinite at 0, and 0 times it is no number: NVIDIA's
        # loss has a gradient of NaN there. The entropy is 0 at that point, so this changes nothing else.
        wrong = (1 - right).clamp(min=EPSILON)
        entropy = entropy * wrong**spec.focal_gamma * balance
    return entropy
