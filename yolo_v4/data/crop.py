"""Tiles of a mosaic that are cut from frames, at a scale that keeps their objects.

TAO squeezes each whole frame into its tile and pads what is left over: of a mosaic of four, a quarter and
more is grey, and objects are half as large as they will be. Cut at a scale near 1, there is neither.
Legend: T = tiles, 2 = (x, y).
"""

import numpy as np
import numpy.typing as npt

from yolo_v4.data.frames import Objects
from yolo_v4.spec.experiment import MosaicCrop

OBJECT_RANGE = (0.15, 0.85)  # of a window's width and height: where the object that it is put over is centred

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def crop_windows(
    picture_T2: Integers,
    tile_T2: Integers,
    input_2: Integers,
    crop: MosaicCrop,
    numbers_TK: Doubles,
    object_T2: Doubles | float,
) -> tuple[Doubles, Doubles]:
    """Random parts of pictures that fill tiles of inputs of a width and height, all inside the pictures.

    At a scale of 1 a picture is as large as it is alone on the input, where its tighter side fits. The scale
    is drawn between the two of `crop`, evenly on a logarithmic axis; it is raised where the picture would not
    fill its tile. Four numbers of each tile are used: of the scale, of the place along x and y, and the one
    by which `objects_to_show` chose. A window has the centre of an object in it, or is anywhere where that is
    NaN. Returns left and top, and right and bottom, [T, 2] each: whole pixels of the picture.
    """
    fit_T = (input_2 / picture_T2).min(axis=1)
    scale_T = fit_T * crop.min_scale * (crop.max_scale / crop.min_scale) ** numbers_TK[:, 0]
    scale_T = np.maximum(scale_T, (tile_T2 / picture_T2).max(axis=1))
    size_T2 = np.clip(np.rint(tile_T2 / scale_T[:, None]), 1, picture_T2)
    place_T2 = numbers_TK[:, 1:3]
    # Each of the places from 0 to the last one has the same chance.
    anywhere_T2 = np.floor(place_T2 * (picture_T2 - size_T2 + 1))
    low, high = OBJECT_RANGE
    before_T2 = (low + (high - low) * place_T2) * size_T2
    around_T2 = np.clip(np.rint(object_T2 - before_T2), 0, picture_T2 - size_T2)
    start_T2 = np.where(np.isnan(object_T2), anywhere_T2, around_T2)
    return start_T2, start_T2 + size_T2


def objects_to_show(objects: Objects, frame_T: Integers, crop: MosaicCrop, numbers_TK: Doubles) -> Doubles:
    """The centre of an object on the frames of tiles that are to show one, NaN for the others; [T, 2].

    Of a small object far away, a window anywhere mostly shows the road beside it.
    """
    return objects.drawn(frame_T, numbers_TK[:, 3] / crop.object_share)
