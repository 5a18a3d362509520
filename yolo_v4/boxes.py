"""Geometry of boxes: corners and centres, IoU and CIoU.

Legend: N, M = boxes, 4 = one box; corners are (x1, y1, x2, y2), centres are (cx, cy, w, h), in any one unit.
"""

import math

import torch
from torch import Tensor

EPSILON = 1e-18  # keeps divisions finite; as in NVIDIA's loss


def centres_to_corners(box_N4: Tensor) -> Tensor:
    """[..., 4] corners of boxes given by centre and size."""
    centre, half = box_N4[..., :2], box_N4[..., 2:] / 2
    return torch.cat((centre - half, centre + half), dim=-1)


def pairwise_iou(a_N4: Tensor, b_M4: Tensor) -> Tensor:
    """IoU [..., N, M] of boxes [..., N, 4] with boxes [..., M, 4], all corners; 0 where both have no area."""
    a_N14, b_1M4 = a_N4.unsqueeze(-2), b_M4.unsqueeze(-3)
    overlap_width = torch.minimum(a_N14[..., 2], b_1M4[..., 2]) - torch.maximum(a_N14[..., 0], b_1M4[..., 0])
    overlap_height = torch.minimum(a_N14[..., 3], b_1M4[..., 3]) - torch.maximum(a_N14[..., 1], b_1M4[..., 1])
    overlap_NM = overlap_width.clamp_(min=0).mul_(overlap_height.clamp_(min=0))
    union_NM = _area(a_N14) + _area(b_1M4) - overlap_NM
    return overlap_NM.div_(union_NM.clamp_(min=EPSILON))


def ciou_loss(true_N4: Tensor, found_N4: Tensor) -> Tensor:
    """1 - CIoU of pairs of boxes, [N], of centres [N, 4] whose true w and h are positive.

    Source: Zheng et al., Distance-IoU Loss (AAAI 2020), eq. 10; as in NVIDIA's, its weight is differentiated too.
    """
    true, found = centres_to_corners(true_N4), centres_to_corners(found_N4)
    overlap_N2 = (torch.minimum(true[:, 2:], found[:, 2:]) - torch.maximum(true[:, :2], found[:, :2])).clamp(
        min=0
    )
    overlap_N = overlap_N2.prod(dim=1)
    union_N = true_N4[:, 2:].prod(dim=1) + found_N4[:, 2:].prod(dim=1) - overlap_N
    iou_N = overlap_N / (union_N + EPSILON)

    hull_N2 = torch.maximum(true[:, 2:], found[:, 2:]) - torch.minimum(true[:, :2], found[:, :2])
    distance_N = (true_N4[:, :2] - found_N4[:, :2]).square().sum(dim=1)
    diagonal_N = hull_N2.square().sum(dim=1)

    true_angle_N, found_angle_N = (torch.atan2(box[:, 2], box[:, 3]) for box in (true_N4, found_N4))
    aspect_N = 4 / math.pi**2 * (true_angle_N - found_angle_N).square()
    weight_N = aspect_N / (1 - iou_N + aspect_N + EPSILON)
    return 1 - iou_N + distance_N / (diagonal_N + EPSILON) + weight_N * aspect_N


def _area(box_N4: Tensor) -> Tensor:
    return (box_N4[..., 2] - box_N4[..., 0]) * (box_N4[..., 3] - box_N4[..., 1])
