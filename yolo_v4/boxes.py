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


def ciou_loss(true: tuple[Tensor, Tensor], found: tuple[Tensor, Tensor]) -> Tensor:
    """1 - CIoU [N] of pairs of boxes, each given by centres (cy, cx) and sizes (h, w), both [N, 2].

    True sizes are positive, so that no union and no hull is empty.
    Source: Zheng et al., Distance-IoU Loss (AAAI 2020), eq. 10. As in NVIDIA's loss, the weight of the aspect
    ratio is differentiated too.
    """
    true_start_N2, true_end_N2 = ends(*true)
    start_N2, end_N2 = ends(*found)
    shared_N2 = torch.minimum(true_end_N2, end_N2) - torch.maximum(true_start_N2, start_N2)
    overlap_N = _area(shared_N2.clamp(min=0))
    miss_N = 1 - overlap_N / (_area(true[1]) + _area(found[1]) - overlap_N)

    # Along an axis, the hull of two boxes and what they share (less than 0 between them) make up both sizes.
    diagonal_N = (true[1] + found[1] - shared_N2).square().sum(dim=1)
    distance_N = (true[0] - found[0]).square().sum(dim=1)

    turn_N = _angle(true[1]) - _angle(found[1])
    aspect_N = (2 / math.pi * turn_N).square()
    weight_N = aspect_N / (miss_N + aspect_N + EPSILON)
    return torch.addcmul(torch.addcdiv(miss_N, distance_N, diagonal_N), weight_N, aspect_N)


def ends(centre: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Where boxes begin and end along each axis."""
    return torch.sub(centre, size, alpha=0.5), torch.add(centre, size, alpha=0.5)


def _area(size_N2: Tensor) -> Tensor:
    height_N, width_N = size_N2.unbind(1)
    return height_N * width_N


def _angle(size_N2: Tensor) -> Tensor:
    height_N, width_N = size_N2.unbind(1)
    return torch.atan2(width_N, height_N)
