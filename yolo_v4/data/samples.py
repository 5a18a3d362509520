"""Training inputs of a batch: what is drawn at random, what they show, and the objects on them."""

from collections.abc import Iterable, Sequence

import numpy as np

from yolo_v4.data.augment import Tiles, make_tiles, move_boxes
from yolo_v4.data.frames import Objects
from yolo_v4.data.mosaic import Draws, draw
from yolo_v4.data.pictures import Page, PictureCache
from yolo_v4.data.sampling import Tables, sampling_tables
from yolo_v4.data.targets import TrueBoxes
from yolo_v4.spec.experiment import Augmentation


def plan(
    members: Sequence[int],
    generators: Iterable[np.random.Generator],
    objects: Objects,
    pictures: PictureCache,
    *,
    spec: Augmentation,
    size: tuple[int, int],
) -> tuple[Page, Tables, TrueBoxes]:
    """What training inputs of `size` (width, height) show, in numbers; `sample` makes their pixels.

    `members` are the frames to show, each with the generator of its random numbers. Everything here is done
    for all of them at once, but for drawing these numbers.
    Raises DataError: a picture cannot be read.
    """
    draws = draw(members, generators, frames=len(objects), spec=spec, size=size)
    page = pictures.page(draws.frame)
    tiles = make_tiles(draws.numbers, draws.areas(size), page.sizes, spec)
    return page, sampling_tables(draws, tiles, page, spec, size), _true_boxes(draws, tiles, objects, size)


def _true_boxes(draws: Draws, tiles: Tiles, objects: Objects, size: tuple[int, int]) -> TrueBoxes:
    """The objects that are to be seen on training inputs of `size` (width, height)."""
    boxes, classes, tile = objects.of(draws.frame)
    boxes, kept = move_boxes(boxes, tile, tiles)
    tile = tile[kept]
    shares = (boxes + np.tile(tiles.area[tile, :2], 2)) / (size * 2)
    return TrueBoxes(shares.astype(np.float32), classes[kept], draws.sample[tile], len(draws.split))
