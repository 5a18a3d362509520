"""One training input: a picture alone, or four in a mosaic.

Legend: N = boxes, 4 = (x1, y1, x2, y2), C = channels, H and W = height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.augment import random_tile
from yolo_v4.data.frames import Floats, Frame, Ids
from yolo_v4.data.pictures import PictureCache
from yolo_v4.spec.experiment import Augmentation


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A training input and its objects."""

    pixels: Tensor  # [C, H, W] float32, ready for the network
    boxes: Floats  # [N, 4] float32, shares of width and height
    classes: Ids  # [N] int64


def random_sample(
    index: int,
    frames: Sequence[Frame],
    pictures: PictureCache,
    spec: Augmentation,
    size: tuple[int, int],
    random: np.random.Generator,
) -> Sample:
    """Frame `index` augmented to (width, height); with probability `mosaic_prob` top left of four."""
    width, height = size
    if random.random() < spec.mosaic_prob:
        members = [index, *random.integers(len(frames), size=3).tolist()]
        low, high = spec.mosaic_min_ratio, 1 - spec.mosaic_min_ratio
        split_x, split_y = (min(max(round(random.uniform(low, high) * side), 1), side - 1) for side in size)
        x, y = (0, split_x, width), (0, split_y, height)
        areas = [(x[column], y[row], x[column + 1], y[row + 1]) for row in (0, 1) for column in (0, 1)]
    else:
        members, areas = [index], [(0, 0, width, height)]
    canvas = torch.empty(spec.channels, height, width, device=pictures.device)
    boxes, classes = [], []
    for member, (left, top, right, bottom) in zip(members, areas, strict=True):
        frame = frames[member]
        tile = random_tile(pictures[member], frame.boxes, right - left, bottom - top, spec, random)
        canvas[:, top:bottom, left:right] = tile.pixels
        boxes.append((tile.boxes + np.array((left, top, left, top))) / (width, height, width, height))
        classes.append(frame.classes[tile.kept])
    return Sample(
        pixels=canvas, boxes=np.concatenate(boxes).astype(np.float32), classes=np.concatenate(classes)
    )
