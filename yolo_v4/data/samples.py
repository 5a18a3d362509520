"""Training inputs of a batch: what is drawn at random, what they show, and the objects on them."""

from collections.abc import Iterable, Sequence

import numpy as np

from yolo_v4.data.augment import EDGES, Doubles, Tiles, make_tiles, move_boxes
from yolo_v4.data.crop import objects_to_show
from yolo_v4.data.frames import Objects
from yolo_v4.data.mosaic import Draws, draw
from yolo_v4.data.pictures import Page, PictureCache
from yolo_v4.data.sampling import Tables, sampling_tables
from yolo_v4.data.targets import TrueBoxes
from yolo_v4.spec.experiment import Augmentation, Extension


def plan(
    members: Sequence[int],
    generators: Iterable[np.random.Generator],
    objects: Objects,
    pictures: PictureCache,
    *,
    spec: Augmentation,
    size: tuple[int, int],
    extension: Extension = Extension(),  # noqa: B008  # a frozen value
) -> tuple[Page, Tables, TrueBoxes]:
    """What training inputs of `size` (width, height) show, in numbers; `sample` makes their pixels.

    `members` are the frames to show, each with the generator of its random numbers. Everything here is done
    for all of them at once, but for drawing these numbers.
    Raises DataError: a picture cannot be read.
    """
    draws = draw(members, generators, frames=len(objects), spec=spec, size=size)
    page = pictures.page(draws.frame)
    areas = draws.areas(size)
    crop = extension.mosaic_crop
    shown: Doubles | float = np.nan
    if crop is not None and crop.object_share:
        shown = objects_to_show(objects, draws.frame, crop, draws.numbers[:, EDGES])
    tiles = make_tiles(draws.numbers, areas, page.sizes, spec, crop=crop, object_T2=shown)
    true = _true_boxes(draws, tiles, objects, size, min_visible=extension.min_visible)
    return page, sampling_tables(draws, tiles, page, spec, size), true


def _true_boxes(
    draws: Draws, tiles: Tiles, objects: Objects, size: tuple[int, int], *, min_visible: float
) -> TrueBoxes:
    """The objects that are to be seen on training inputs of `size` (width, height)."""
    boxes, classes, tile = objects.of(draws.frame)
    boxes, kept = move_boxes(boxes, tile, tiles, min_visible=min_visible)
    tile = tile[kept]
    shares = (boxes + np.tile(tiles.area[tile, :2], 2)) / (size * 2)
    return TrueBoxes(shares.astype(np.float32), classes[kept], draws.sample[tile], len(draws.split))
