"""Tiles of a mosaic that are cut from frames, at a scale that keeps their objects.

TAO squeezes each whole frame into its tile and pads what is left over: of a mosaic of four, a quarter and
more is grey, and objects are half as large as they will be. Cut at a scale near 1, there is neither.
"""

import numpy as np

from yolo_v4.data.augment import Window
from yolo_v4.spec.experiment import MosaicCrop


def crop_window(
    picture_wh: tuple[int, int],
    tile_wh: tuple[int, int],
    canvas_wh: tuple[int, int],
    crop: MosaicCrop,
    random: np.random.Generator,
) -> Window:
    """A random part of a picture that fills a tile, all inside the picture.

    A scale of 1 shows the picture as large as a whole picture on the canvas without a mosaic, whose tighter
    side fits. The scale is drawn between the two of `crop`, each by the same chance as its inverse; it is
    raised where the picture would not fill the tile.
    """
    fit = min(canvas_wh[0] / picture_wh[0], canvas_wh[1] / picture_wh[1])
    scale = fit * np.exp(random.uniform(np.log(crop.min_scale), np.log(crop.max_scale)))
    scale = max(scale, tile_wh[0] / picture_wh[0], tile_wh[1] / picture_wh[1])
    width, height = (
        min(max(round(tile / scale), 1), side) for tile, side in zip(tile_wh, picture_wh, strict=True)
    )
    left = int(random.integers(picture_wh[0] - width, endpoint=True))
    top = int(random.integers(picture_wh[1] - height, endpoint=True))
    return Window(left=left, top=top, right=left + width, bottom=top + height)
