"""Geometry of boxes: corners and centres, IoU and CIoU.

Legend: N, M = boxes, 4 = one box; corners are (x1, y1, x2, y2), centres are (cx, cy, w, h), in any one unit.
"""

import math

import torch
from torch import Tensor

EPSILON = 1e-18  # keeps divisions finite; as in NVIDIA's loss


def centres_to_corners(box_N4: Tensor) -> Tensor:
    """Corners [..., 4] of boxes [..., 4] given by centre and size."""
    centre = box_N4[..., :2]
    half_size = box_N4[..., 2:] / 2
    return torch.cat((centre - half_size, centre + half_size), dim=-1)


def pairwise_iou(a_N4: Tensor, b_M4: Tensor) -> Tensor:
    """IoU [..., N, M] of boxes [..., N, 4] with boxes [..., M, 4], all corners; 0 where both have no area."""
    a_x1, a_y1, a_x2, a_y2 = a_N4.unsqueeze(-2).unbind(-1)
    b_x1, b_y1, b_x2, b_y2 = b_M4.unsqueeze(-3).unbind(-1)
    width_NM = torch.minimum(a_x2, b_x2) - torch.maximum(a_x1, b_x1)
    height_NM = torch.minimum(a_y2, b_y2) - torch.maximum(a_y1, b_y1)
    overlap_NM = width_NM.clamp_(min=0).mul_(height_NM.clamp_(min=0))
    area_a = (a_x2 - a_x1) * (a_y2 - a_y1)
    area_b = (b_x2 - b_x1) * (b_y2 - b_y1)
    union_NM = area_a + area_b - overlap_NM
    return overlap_NM.div_(union_NM.clamp_(min=EPSILON))


def ciou_loss(true_N4: Tensor, found_N4: Tensor) -> Tensor:
    """1 - CIoU [N] of pairs of boxes [N, 4], given by centre and size; true w and h are positive.

    Source: Zheng et al., Distance-IoU Loss (AAAI 2020), eq. 10. As in NVIDIA's loss, the weight of the aspect
    ratio is differentiated too.
    """
    true = centres_to_corners(true_N4)
    found = centres_to_corners(found_N4)
    overlap_end_N2 = torch.minimum(true[:, 2:], found[:, 2:])
    overlap_start_N2 = torch.maximum(true[:, :2], found[:, :2])
    overlap_N2 = (overlap_end_N2 - overlap_start_N2).clamp(min=0)
    overlap_N = overlap_N2.prod(dim=1)
    union_N = true_N4[:, 2:].prod(dim=1) + found_N4[:, 2:].prod(dim=1) - overlap_N
    iou_N = overlap_N / (union_N + EPSILON)

    hull_N2 = torch.maximum(true[:, 2:], found[:, 2:]) - torch.minimum(true[:, :2], found[:, :2])
    distance_N = (true_N4[:, :2] - found_N4[:, :2]).square().sum(dim=1)
    diagonal_N = hull_N2.square().sum(dim=1)

    true_angle_N = torch.atan2(true_N4[:, 2], true_N4[:, 3])
    found_angle_N = torch.atan2(found_N4[:, 2], found_N4[:, 3])
    aspect_N = 4 / math.pi**2 * (true_angle_N - found_angle_N).square()
    weight_N = aspect_N / (1 - iou_N + aspect_N + EPSILON)
    return 1 - iou_N + distance_N / (diagonal_N + EPSILON) + weight_N * aspect_N
