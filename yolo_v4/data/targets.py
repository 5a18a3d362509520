"""The targets of the loss: which cells and anchors are responsible for which true box.

Rows are in the order of those of `yolo_v4.network.grid`. Columns: true cy, cx, h, w (shares of the picture);
objectness, 1 or 0; 1 - objectness, which the loss does not read; one column a class; class weight. Rows
without a box are 0 but for the column of 1 - objectness.
Legend: B = pictures, G = true boxes of the whole batch, A = anchors of all scales, N = rows of a picture,
C = classes.
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
from yolo_v4.data.assignment import Bools, Floats, Integers, neighbour_cells, own_cells
from yolo_v4.spec.experiment import STRIDES_PX, NetworkSpec

OBJECTNESS = 4
BACKGROUND = 5
FIRST_CLASS = 6
NO_ROW = -1  # of a cell that is not on the grid

Conflicts = Literal["highest_iou", "last"]


class Target(NamedTuple):
    """What the loss compares predictions with. P = positives, the rows that are responsible for a box.

    It is made on the CPU: on a GPU, the sizes [P] and [most] would have to be waited for.
    """

    rows: Tensor  # [B, N, 7 + C] from `encode_targets`
    positive: Tensor  # [P] int64: indices among B * N rows
    boxes: Tensor  # [B, most, 4] corners of the boxes that have a row, filled up with boxes without area

    @classmethod
    def of(cls, rows: Tensor) -> "Target":
        """The target of rows [B, N, 7 + C] from `encode_targets`."""
        positive_BN = rows[..., OBJECTNESS] > 0
        # A true box is in several rows, and is needed once.
        boxes = [
            found[positive][:, [1, 0, 3, 2]].unique(dim=0)
            for found, positive in zip(rows, positive_BN, strict=True)
        ]
        # The box that is added and removed again ensures at least one for each picture, also without any
        # boxes.
        padded = pad_sequence([*boxes, rows.new_zeros(1, 4)], batch_first=True)[:-1]
        return cls(rows, positive_BN.flatten().nonzero()[:, 0], centres_to_corners(padded))

    def to(self, device: torch.device) -> "Target":
        """The same target on a device."""
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
    neighbours: int = 0,
) -> Tensor:
    """Targets [B, N, 7 + C] float32 of a batch.

    Each true box is assigned to the cell that holds its centre: to its best anchor there, and to every anchor
    whose IoU with it (with a common centre) is above `spec.box_matching_iou`. Of several boxes assigned to
    one row, the one whose best anchor it is gets the row, the last one of several such. If it is nobody's
    best anchor, `conflicts` decides: "highest_iou" as NVIDIA's encoder for label folders, or "last" as that
    for TFRecords.

    Args:
        boxes, classes: of each picture, corners [n, 4] in shares of it, and class ids [n].
        configured_hw: size in pixels of the network input that the anchors refer to.
        batch_hw: size in pixels of the pictures of this batch.
        neighbours: how many of the nearest cells are responsible for a box too, with the same anchors, unless
            they hold the centre of another one.
    """
    box_G4 = np.concatenate(boxes).astype(np.float64)
    class_G = np.concatenate(classes)
    picture_G = np.repeat(np.arange(len(boxes)), [len(box) for box in boxes])
    centre_G2 = (box_G4[:, :2] + box_G4[:, 2:]) / 2
    size_G2 = box_G4[:, 2:] - box_G4[:, :2]

    grids = [(batch_hw[0] // stride, batch_hw[1] // stride) for stride in STRIDES_PX]
    rows_per_picture = _count_rows(spec, grids)
    columns = FIRST_CLASS + len(class_weights) + 1
    target = np.zeros((len(boxes) * rows_per_picture, columns), dtype=np.float32)
    target[:, BACKGROUND] = 1
    if len(box_G4):
        iou_GA = _anchor_iou(size_G2, spec, configured_hw)
        contents = _contents(centre_G2, size_G2, class_G, class_weights)
        first_row_G = picture_G * rows_per_picture
        # The nearer a cell, the later it is written: what a cell holds itself stays.
        for nearness in range(neighbours, -1, -1):
            row_GA = _rows(centre_G2, spec, grids, nearness)
            assigned_box, assigned_row = _assign(row_GA, iou_GA, spec.box_matching_iou, conflicts)
            is_on_grid = assigned_row != NO_ROW
            box, row = assigned_box[is_on_grid], assigned_row[is_on_grid]
            target[first_row_G[box] + row] = contents[box]
    return torch.from_numpy(target.reshape(len(boxes), rows_per_picture, columns))


def _contents(
    centre_G2: Floats, size_G2: Floats, class_G: Integers, class_weights: Sequence[float]
) -> npt.NDArray[np.float32]:
    """The row [G, 7 + C] of each true box."""
    content_G = np.zeros((len(class_G), FIRST_CLASS + len(class_weights) + 1), dtype=np.float32)
    content_G[:, 0:2] = centre_G2[:, ::-1]
    content_G[:, 2:4] = size_G2[:, ::-1]
    content_G[:, OBJECTNESS] = 1
    content_G[np.arange(len(class_G)), FIRST_CLASS + class_G] = 1
    content_G[:, -1] = np.asarray(class_weights)[class_G]
    return content_G


def _count_rows(spec: NetworkSpec, grids: Sequence[tuple[int, int]]) -> int:
    return sum(
        height * width * len(anchors) for (height, width), anchors in zip(grids, spec.anchors, strict=True)
    )


def _rows(centre_G2: Floats, spec: NetworkSpec, grids: Sequence[tuple[int, int]], nearness: int) -> Integers:
    """The row [G, A] in its picture of each anchor, in the cell that holds the centre of each box.

    With a `nearness` of 1 or more, of that neighbour of the cell; NO_ROW where it is not on the grid.
    """
    columns = []
    first_row = 0
    for hw, anchors in zip(grids, spec.anchors, strict=True):
        is_inside_G: Bools | bool = True
        if nearness == 0:
            xy_G2 = own_cells(centre_G2, hw)
        else:
            xy_G2, is_inside_G = neighbour_cells(centre_G2, hw, nearness)
        row_G = first_row + (xy_G2[:, 1] * hw[1] + xy_G2[:, 0]) * len(anchors)
        columns += [np.where(is_inside_G, row_G + place, NO_ROW) for place in range(len(anchors))]
        first_row += hw[0] * hw[1] * len(anchors)
    return np.stack(columns, axis=1)


def _anchor_iou(size_G2: Floats, spec: NetworkSpec, configured_hw: tuple[int, int]) -> Floats:
    """IoU [G, A] of boxes and anchors with a common centre."""
    anchor_A2 = np.array([anchor for anchors in spec.anchors for anchor in anchors]) / configured_hw[::-1]
    overlap_GA = np.minimum(size_G2[:, None], anchor_A2).prod(axis=2)
    return overlap_GA / (size_G2.prod(axis=1)[:, None] + anchor_A2.prod(axis=1) - overlap_GA)


def _assign(
    row_GA: Integers, iou_GA: Floats, threshold: float, conflicts: Conflicts
) -> tuple[Integers, Integers]:
    """Boxes and the rows they are written to, in the order of writing; the last box of a row stays."""
    box, anchor = np.nonzero(iou_GA > threshold)
    if conflicts == "highest_iou":
        # Written in ascending order of IoU. Of boxes with equal IoU the first one must stay, so it is written
        # last: the order is reversed before it is sorted, stably.
        box = box[::-1]
        anchor = anchor[::-1]
        order = np.argsort(iou_GA[box, anchor], kind="stable")
        box = box[order]
        anchor = anchor[order]
    every_box = np.arange(len(row_GA))
    best_anchor = iou_GA.argmax(axis=1)
    boxes = np.concatenate((box, every_box))
    rows = np.concatenate((row_GA[box, anchor], row_GA[every_box, best_anchor]))
    return boxes, rows
