"""One training input: a picture alone, or four in a mosaic.

Legend: N = boxes, 4 = (x1, y1, x2, y2), C = channels, H and W = height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.augment import random_tile
from yolo_v4.data.crop import crop_window
from yolo_v4.data.frames import Floats, Frame, Ids
from yolo_v4.data.pictures import PictureCache
from yolo_v4.spec.experiment import Augmentation, Extension


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
    extension: Extension = Extension(),  # noqa: B008  # a frozen value
) -> Sample:
    """Frame `index`, augmented to `size` (width, height).

    With probability `mosaic_prob` it is the top left of four, the others drawn from all frames.
    """
    width, height = size
    if random.random() < spec.mosaic_prob:
        members = [index, *random.integers(len(frames), size=3).tolist()]
        areas = _mosaic_areas(width, height, spec.mosaic_min_ratio, random)
    else:
        members = [index]
        areas = [(0, 0, width, height)]
    canvas = torch.empty(spec.channels, height, width, device=pictures.device)
    boxes = []
    classes = []
    for member, (left, top, right, bottom) in zip(members, areas, strict=True):
        frame, picture, tile_wh = frames[member], pictures[member], (right - left, bottom - top)
        window = None
        if len(members) > 1 and extension.mosaic_crop is not None:
            picture_wh = (picture.shape[2], picture.shape[1])
            window = crop_window(picture_wh, tile_wh, size, extension.mosaic_crop, random)
        tile = random_tile(
            picture, frame.boxes, *tile_wh, spec, random, window=window, min_visible=extension.min_visible
        )
        canvas[:, top:bottom, left:right] = tile.pixels
        boxes.append((tile.boxes + np.array((left, top, left, top))) / (width, height, width, height))
        classes.append(frame.classes[tile.kept])
    return Sample(
        pixels=canvas,
        boxes=np.concatenate(boxes).astype(np.float32),
        classes=np.concatenate(classes),
    )


def _mosaic_areas(
    width: int, height: int, min_ratio: float, random: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """Four areas (left, top, right, bottom) in pixels that divide a canvas at a random point, row by row."""
    split_x = _split(width, min_ratio, random)
    split_y = _split(height, min_ratio, random)
    return [
        (0, 0, split_x, split_y),
        (split_x, 0, width, split_y),
        (0, split_y, split_x, height),
        (split_x, split_y, width, height),
    ]


def _split(side_px: int, min_ratio: float, random: np.random.Generator) -> int:
    """Where a side is divided: no part is less than `min_ratio` of it, or a pixel."""
    place = round(random.uniform(min_ratio, 1 - min_ratio) * side_px)
    return min(max(place, 1), side_px - 1)
