"""The targets of the loss: which cells and anchors are responsible for which true box.

Only the rows that are responsible are told, the positives; all other rows of a picture are background. Rows
are numbered as those of `yolo_v4.network.grid`.
Legend: B = pictures, G = true boxes of the whole batch, A = anchors of all scales, N = rows of a picture,
P = positives, C = classes.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/yolo_v4/dataio/input_encoder.py and tf_input_encoder.py.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from yolo_v4.spec.experiment import STRIDES_PX, Anchor, NetworkSpec

# Columns of the content of a row: cy, cx, h, w of its true box; the weight of its class; objectness, which is
# 1, or 0 where the row only fills up; one column a class.
CENTRE = slice(0, 2)
SIZE = slice(2, 4)
WEIGHT = 4
OBJECTNESS = 5
FIRST_CLASS = 6
FILLING = (0.5, 0.5, 1.0, 1.0)  # the box of rows that fill up: any box that has an area
NO_BOX = (1.0, 1.0, 0.0, 0.0)  # corners that no box overlaps, since they are in the wrong order

BORDER = 1e-3  # cells; a centre on the right or lower border belongs to the last cell

Conflicts = Literal["highest_iou", "last"]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class TrueBoxes(NamedTuple):
    """The objects on the pictures of a batch, picture by picture."""

    boxes: npt.NDArray[np.floating]  # [G, 4] corners x1, y1, x2, y2 in shares of the picture
    classes: Integers  # [G]
    pictures: Integers  # [G] ascending
    batch: int  # pictures

    @classmethod
    def of(cls, boxes: Sequence[npt.NDArray[np.floating]], classes: Sequence[Integers]) -> "TrueBoxes":
        """Those of a list of pictures, each with boxes [n, 4] and classes [n]."""
        pictures = np.repeat(np.arange(len(boxes)), [len(box) for box in boxes])
        return cls(np.concatenate(boxes), np.concatenate(classes), pictures, len(boxes))


class Room(NamedTuple):
    """The least number of places for positives of a batch and for boxes of a picture.

    It is doubled until all fit. Shapes that stay the same from step to step suit a GPU: memory is reused, and
    a step can be recorded and started as a whole.
    """

    positives: int = 1
    boxes: int = 1


class Target(NamedTuple):
    """What the loss compares predictions with. Its sizes P and `most` are filled up to a `Room`."""

    contents: Tensor  # [P, 6 + C] float32
    rows: Tensor  # [P] int64: indices among B * N rows, each once but for those that fill up, which are 0
    boxes: Tensor  # [B, most, 4] corners y1, x1, y2, x2 of the boxes that have a row, filled up with NO_BOX

    def to(self, device: torch.device) -> "Target":
        """The same target on a device."""
        return Target(*(part.to(device, non_blocking=True) for part in self))


def encode_targets(
    true: TrueBoxes,
    spec: NetworkSpec,
    *,
    class_weights: Sequence[float],
    configured_hw: tuple[int, int],
    batch_hw: tuple[int, int],
    conflicts: Conflicts = "last",
    room: Room = Room(),  # noqa: B008  # a frozen value
) -> Target:
    """The target of a batch, on the CPU.

    Each true box is assigned to the cell that holds its centre: to its best anchor there, and to every anchor
    whose IoU with it (with a common centre) is above `spec.box_matching_iou`. Of several boxes assigned to
    one row, the one whose best anchor it is gets the row, the last one of several such. If it is nobody's
    best anchor, `conflicts` decides: "highest_iou" as NVIDIA's encoder for label folders, or "last" as that
    for TFRecords.

    Args:
        configured_hw: size in pixels of the network input that the anchors refer to.
        batch_hw: size in pixels of the pictures of this batch.
    """
    box_G4 = true.boxes.astype(np.float64)
    centre_G2 = (box_G4[:, :2] + box_G4[:, 2:]) / 2
    size_G2 = box_G4[:, 2:] - box_G4[:, :2]
    content_GK = _contents(centre_G2, size_G2, true.classes, class_weights)
    iou_GA = _anchor_iou(size_G2, spec.anchors, configured_hw)
    row_GA = _rows(centre_G2, true.pictures, spec.anchors, batch_hw)
    row_P, box_P = _owners(*_assign(row_GA, iou_GA, spec.box_matching_iou, conflicts))
    boxes = _by_picture(content_GK, true, np.unique(box_P), room.boxes)
    return _filled_up(content_GK[box_P], row_P, boxes, room)


def _filled_up(
    content_PK: npt.NDArray[np.float32], row_P: Integers, boxes: npt.NDArray[np.float32], room: Room
) -> Target:
    """The target of positives, with rows that only fill up where there is room for more."""
    places = _places(len(row_P), room.positives)
    contents = np.zeros((places, content_PK.shape[1]), dtype=np.float32)
    contents[:, : SIZE.stop] = FILLING
    contents[: len(row_P)] = content_PK
    rows = np.zeros(places, dtype=np.int64)
    rows[: len(row_P)] = row_P
    return Target(torch.from_numpy(contents), torch.from_numpy(rows), torch.from_numpy(boxes))


def _places(needed: int, least: int) -> int:
    places = least
    while places < needed:
        places *= 2
    return places


def _contents(
    centre_G2: Floats, size_G2: Floats, class_G: Integers, class_weights: Sequence[float]
) -> npt.NDArray[np.float32]:
    """The content [G, 6 + C] of the rows of each true box."""
    content_GK = np.zeros((len(class_G), FIRST_CLASS + len(class_weights)), dtype=np.float32)
    content_GK[:, CENTRE] = centre_G2[:, ::-1]
    content_GK[:, SIZE] = size_G2[:, ::-1]
    content_GK[:, WEIGHT] = np.asarray(class_weights)[class_G]
    content_GK[:, OBJECTNESS] = 1
    content_GK[np.arange(len(class_G)), FIRST_CLASS + class_G] = 1
    return content_GK


def _by_picture(
    content_GK: npt.NDArray[np.float32], true: TrueBoxes, chosen: Integers, least: int
) -> npt.NDArray[np.float32]:
    """`Target.boxes` of the chosen boxes, whose numbers are ascending."""
    picture = true.pictures[chosen]
    first = np.searchsorted(picture, np.arange(true.batch))
    place = np.arange(len(chosen)) - first[picture]
    most = _places(int(place.max(initial=-1)) + 1, least)
    boxes = np.full((true.batch, most, 4), NO_BOX, dtype=np.float32)
    centre, half_size = content_GK[chosen, CENTRE], content_GK[chosen, SIZE] / 2
    boxes[picture, place, :2] = centre - half_size
    boxes[picture, place, 2:] = centre + half_size
    return boxes


class _AnchorTable(NamedTuple):
    """The anchors of all scales, one after another."""

    scale_A: Integers
    place_A: Integers  # among the anchors of its scale
    count_S: Integers  # anchors of each scale
    size_A2: Floats  # w, h in pixels of the configured size


@lru_cache(maxsize=16)
def _anchor_table(anchors: tuple[tuple[Anchor, ...], ...]) -> _AnchorTable:
    count_S = np.array([len(scale) for scale in anchors])
    return _AnchorTable(
        scale_A=np.repeat(np.arange(len(anchors)), count_S),
        place_A=np.concatenate([np.arange(count) for count in count_S]),
        count_S=count_S,
        size_A2=np.array([anchor for scale in anchors for anchor in scale]),
    )


def _rows(
    centre_G2: Floats,
    picture_G: Integers,
    anchors: tuple[tuple[Anchor, ...], ...],
    batch_hw: tuple[int, int],
) -> Integers:
    """The row [G, A], among those of all pictures, of each anchor in the cell that holds a box's centre."""
    table = _anchor_table(anchors)
    wh_S2 = np.array([(batch_hw[1] // stride, batch_hw[0] // stride) for stride in STRIDES_PX])
    rows_S = wh_S2.prod(axis=1) * table.count_S
    first_S = np.cumsum(rows_S) - rows_S
    xy_GS2 = np.clip(centre_G2[:, None] * wh_S2, 0, wh_S2 - BORDER).astype(np.int64)
    cell_GS = xy_GS2[..., 1] * wh_S2[:, 0] + xy_GS2[..., 0]
    row_GS = first_S + cell_GS * table.count_S + (picture_G * rows_S.sum())[:, None]
    row_GA: Integers = row_GS[:, table.scale_A] + table.place_A
    return row_GA


def _anchor_iou(
    size_G2: Floats, anchors: tuple[tuple[Anchor, ...], ...], configured_hw: tuple[int, int]
) -> Floats:
    """IoU [G, A] of boxes and anchors with a common centre."""
    anchor_A2 = _anchor_table(anchors).size_A2 / configured_hw[::-1]
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


def _owners(boxes: Integers, rows: Integers) -> tuple[Integers, Integers]:
    """The rows that were written to, each once and in ascending order, and the box that stays in each."""
    row_P, last_P = np.unique(rows[::-1], return_index=True)
    return row_P, boxes[::-1][last_P]
