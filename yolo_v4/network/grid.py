"""Convert head outputs to one row for each predicted box, in the layout of NVIDIA's models.

Columns of a row: corner y, x of the cell; anchor h, w; cell size y, x; predicted y, x (in cells) and h, w (in
anchors); objectness logit; class logits. Cells and anchors are given in shares of the picture. Rows are
ordered by scale (big, mid, small), then by row, column and anchor.
Legend: B = pictures, N = rows, C = classes, A = anchors of a scale, H and W = cells.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/layers/bbox_postprocessing_layer.py,
cv/yolo_v3/layers/yolo_anchor_box_layer.py.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from yolo_v4.boxes import centres_to_corners
from yolo_v4.spec.experiment import Anchor, NetworkSpec

SIZE_LIMIT = 8.0  # of the logarithm of a size in anchors: exp(8) anchors are larger than any picture
OBJECTNESS = 10
FIRST_CLASS = 11


def encode_predictions(heads: Sequence[Tensor], spec: NetworkSpec, input_hw: tuple[int, int]) -> Tensor:
    """Rows [B, N, 11 + C] of all predicted boxes; heads big, mid, small, each [B, A * (5 + C), H, W].

    `input_hw` is the configured size of the network input in pixels. Anchors refer to it, also where this
    batch has another size.
    """
    scales = [
        _scale(head.float(), anchors, extend, input_hw)
        for head, anchors, extend in zip(heads, spec.anchors, spec.grid_xy_extend, strict=True)
    ]
    return torch.cat(scales, dim=1)


def predicted_boxes(rows: Tensor) -> Tensor:
    """Boxes [..., 4] (cx, cy, w, h) of rows [..., 11 + C], in shares of the picture."""
    centre, size = centres_and_sizes(rows)
    return torch.cat((centre.flip(-1), size.flip(-1)), dim=-1)


def centres_and_sizes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Centres (cy, cx) and sizes (h, w), both [..., 2], of rows [..., 11 + C], in shares of the picture."""
    centre = rows[..., 0:2] + rows[..., 6:8] * rows[..., 4:6]
    return centre, rows[..., 8:10] * rows[..., 2:4]


def decode_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes and scores of rows [B, N, 11 + C].

    Returns corners [B, N, 4] in shares of the picture, which may lie outside it, and scores [B, N, C], 0..1,
    each independent of the others.
    """
    scores = rows[..., FIRST_CLASS:].sigmoid() * rows[..., OBJECTNESS : OBJECTNESS + 1].sigmoid()
    return centres_to_corners(predicted_boxes(rows)), scores


def _scale(head: Tensor, anchors: Sequence[Anchor], extend: float, input_hw: tuple[int, int]) -> Tensor:
    batch, channels, height, width = head.shape
    per_anchor = channels // len(anchors)
    raw = head.permute(0, 2, 3, 1).reshape(batch, height * width * len(anchors), per_anchor)
    spread = 1.0 + extend  # of the sigmoid, so that centres on the border of a cell can be reached
    yx = raw[..., 0:2].sigmoid() * spread - (spread - 1.0) / 2
    hw = raw[..., 2:4].clamp(max=SIZE_LIMIT).exp()
    prior = _prior(int(height), int(width), tuple(anchors), input_hw, head.device).expand(batch, -1, -1)
    return torch.cat((prior, yx, hw, raw[..., 4:]), dim=-1)


@lru_cache(maxsize=64)  # a copy to the GPU in every step would hold it up
def _prior(
    height: int, width: int, anchors: tuple[Anchor, ...], input_hw: tuple[int, int], device: torch.device
) -> Tensor:
    """The six columns that do not depend on the picture, [H * W * A, 6]."""
    row, column, anchor = torch.meshgrid(
        torch.arange(height), torch.arange(width), torch.arange(len(anchors)), indexing="ij"
    )
    shares_hw = torch.tensor([(h / input_hw[0], w / input_hw[1]) for w, h in anchors])
    anchor_hw = shares_hw[anchor.flatten()]
    corner = torch.stack((row.flatten() / height, column.flatten() / width), dim=1)
    step = torch.tensor((1 / height, 1 / width)).expand_as(corner)
    return torch.cat((corner, anchor_hw, step), dim=1).to(device)
