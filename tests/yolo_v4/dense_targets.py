"""Targets in the layout of NVIDIA's encoders: a row for every predicted box, also for background.

Columns: true cy, cx, h, w; objectness, 1 or 0; 1 - objectness; one column a class; class weight.
"""

import numpy as np
import torch

from yolo_v4.boxes import centres_to_corners
from yolo_v4.data import targets
from yolo_v4.data.targets import Target

BOX, OBJECTNESS, BACKGROUND, FIRST_CLASS = slice(0, 4), 4, 5, 6


def dense_of(target: Target, rows: int) -> torch.Tensor:
    """[B, rows, 7 + C] of a target, `rows` of each picture."""
    real = target.contents[:, targets.OBJECTNESS] == 1
    content = target.contents[real]
    dense = torch.zeros(len(target.boxes) * rows, content.shape[1] + 1)
    dense[:, BACKGROUND] = 1
    dense[target.rows[real]] = torch.cat(
        (
            content[:, : targets.WEIGHT],
            torch.tensor((1.0, 0.0)).expand(len(content), -1),
            content[:, targets.FIRST_CLASS :],
            content[:, targets.WEIGHT, None],
        ),
        dim=1,
    )
    return dense.view(len(target.boxes), rows, -1)


def target_of(dense: np.ndarray, *, filling: int = 0) -> Target:
    """The target of rows [B, N, 7 + C], with so many places more than needed for rows and boxes."""
    rows_BN = torch.from_numpy(dense)
    found = rows_BN.flatten(0, 1)
    (places,) = (found[:, OBJECTNESS] > 0).nonzero(as_tuple=True)
    content = found[places]
    content = torch.cat((content[:, BOX], content[:, [-1, OBJECTNESS]], content[:, FIRST_CLASS:-1]), dim=1)
    empty = torch.zeros(filling, content.shape[1], dtype=content.dtype)
    empty[:, : targets.WEIGHT] = torch.tensor(targets.FILLING, dtype=content.dtype)
    pictures = [picture[picture[:, OBJECTNESS] > 0][:, BOX] for picture in rows_BN]
    most = max(1, *map(len, pictures)) + filling
    boxes = torch.tensor(targets.NO_BOX, dtype=content.dtype).repeat(len(pictures), most, 1)
    for place, picture in enumerate(pictures):
        boxes[place, : len(picture)] = centres_to_corners(picture)
    return Target(torch.cat((content, empty)), torch.cat((places, places.new_zeros(filling))), boxes)
