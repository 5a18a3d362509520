"""What the network should have said: which cells and anchors answer for which true box.

Rows stand as those of `yolo_v4.network.grid`. Columns: true cy, cx, h, w (shares of the picture); objectness, 1 or 0;
its opposite, which the loss does not read; one column a class; class weight. Other rows have 0 everywhere else.
Legend: B = pictures, G = true boxes of the whole batch, A = anchors of all scales, N = rows of a picture, C = classes.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/dataio/input_encoder.py and tf_input_encoder.py.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from yolo_v4.boxes import centres_to_corners
from yolo_v4.spec.experiment import STRIDES_PX, NetworkSpec

OBJECTNESS = 4
BACKGROUND = 5
FIRST_CLASS = 6
BORDER = 1e-3  # cells; a centre on the right or lower border belongs to the last cell

Conflicts = Literal["highest_iou", "last"]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Target(NamedTuple):
    """What the loss compares with, made on the CPU, so that a GPU need not count: P = rows that answer for a box."""

    rows: Tensor  # [B, N, 7 + C] from `encode_targets`
    positive: Tensor  # [P] int64: places among B * N rows
    boxes: Tensor  # [B, most of a picture + 1, 4] corners of the boxes that have a row; filling has no area

    @classmethod
    def of(cls, rows: Tensor) -> "Target":
        """That of encoded rows."""
        positive_BN = rows[..., OBJECTNESS] > 0
        # A true box stands in several rows; once is enough here. The last picture makes room for the filling alone.
        boxes = [
            found[positive][:, [1, 0, 3, 2]].unique(dim=0)
            for found, positive in zip(rows, positive_BN, strict=True)
        ]
        padded = pad_sequence([*boxes, rows.new_zeros(1, 4)], batch_first=True)[:-1]
        return cls(rows, positive_BN.flatten().nonzero()[:, 0], centres_to_corners(padded))

    def to(self, device: torch.device) -> "Target":
        """The same on a device."""
        return Target(*(part.to(device, non_blocking=True) for part in self))


def encode_targets(
    boxes: Sequence[npt.NDArray[np.floating]],
    classes: Sequence[Integers],
    spec: NetworkSpec,
    *,
    class_weights: Sequence[float],
    configured_hw: tuple[int, int],
    batch_hw: tuple[int, int],
    conflicts: Conflicts = "last",
) -> Tensor:
    """Targets [B, N, 7 + C] float32 of a batch.

    Each true box goes to the cell of its centre, at every anchor whose IoU with it (centres put together) is above
    `spec.box_matching_iou`, and always at its best anchor. Where two boxes want one row, a best anchor beats others
    and the later best anchor the earlier; among the others `conflicts` decides: "highest_iou" (NVIDIA's encoder for
    label folders) or "last" (that for TFRecords).

    `boxes`: B times [n, 4] corners, shares of the picture; `classes`: B times [n] ids; `configured_hw`: network size in
    pixels that anchors refer to; `batch_hw`: size of this batch's pictures.
    """
    box_G4, class_G = np.concatenate(boxes).astype(np.float64), np.concatenate(classes)
    picture_G = np.repeat(np.arange(len(boxes)), [len(box) for box in boxes])
    centre_G2, size_G2 = (box_G4[:, :2] + box_G4[:, 2:]) / 2, box_G4[:, 2:] - box_G4[:, :2]

    grids = [(batch_hw[0] // stride, batch_hw[1] // stride) for stride in STRIDES_PX]
    rows = sum(
        height * width * len(anchors) for (height, width), anchors in zip(grids, spec.anchors, strict=True)
    )
    num_classes = len(class_weights)
    target = np.zeros((len(boxes) * rows, FIRST_CLASS + num_classes + 1), dtype=np.float32)
    target[:, BACKGROUND] = 1
    if len(box_G4):
        row_GA = _rows(centre_G2, spec, grids) + (picture_G * rows)[:, None]
        gt, row = _assign(row_GA, _anchor_iou(size_G2, spec, configured_hw), spec.box_matching_iou, conflicts)
        content = np.zeros((len(box_G4), target.shape[1]), dtype=np.float32)
        content[:, 0:2], content[:, 2:4], content[:, OBJECTNESS] = centre_G2[:, ::-1], size_G2[:, ::-1], 1
        content[np.arange(len(class_G)), FIRST_CLASS + class_G] = 1
        content[:, -1] = np.asarray(class_weights)[class_G]
        target[row] = content[gt]
    return torch.from_numpy(target.reshape(len(boxes), rows, -1))


def _rows(centre_G2: Floats, spec: NetworkSpec, grids: Sequence[tuple[int, int]]) -> Integers:
    """[G, A]: the row of each anchor in the cell where each box has its centre."""
    columns, first = [], 0
    for (height, width), anchors in zip(grids, spec.anchors, strict=True):
        last_xy = np.array((width, height)) - BORDER
        xy_G2 = np.floor(np.clip(centre_G2 * (width, height), 0, last_xy)).astype(np.int64)
        cell_G = xy_G2[:, 1] * width + xy_G2[:, 0]
        columns += [first + cell_G * len(anchors) + place for place in range(len(anchors))]
        first += height * width * len(anchors)
    return np.stack(columns, axis=1)


def _anchor_iou(size_G2: Floats, spec: NetworkSpec, configured_hw: tuple[int, int]) -> Floats:
    """[G, A]: IoU of boxes and anchors with a common centre."""
    anchor_A2 = np.array([anchor for anchors in spec.anchors for anchor in anchors]) / configured_hw[::-1]
    overlap_GA = np.minimum(size_G2[:, None], anchor_A2).prod(axis=2)
    return overlap_GA / (size_G2.prod(axis=1)[:, None] + anchor_A2.prod(axis=1) - overlap_GA)


def _assign(
    row_GA: Integers, iou_GA: Floats, threshold: float, conflicts: Conflicts
) -> tuple[Integers, Integers]:
    """Pairs (box, row) in the order of writing: of several that want one row, the last one has it."""
    gt, anchor = np.nonzero(iou_GA > threshold)
    if conflicts == "highest_iou":
        # Of equals the first box keeps the row, so it is written last: reversed, and sorted by IoU stably.
        gt, anchor = gt[::-1], anchor[::-1]
        order = np.argsort(iou_GA[gt, anchor], kind="stable")
        gt, anchor = gt[order], anchor[order]
    every, best = np.arange(len(row_GA)), iou_GA.argmax(axis=1)
    return np.concatenate((gt, every)), np.concatenate((row_GA[gt, anchor], row_GA[every, best]))
