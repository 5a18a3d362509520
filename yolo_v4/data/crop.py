"""Tiles of a mosaic that are cut from frames, at a scale that keeps their objects.

TAO squeezes each whole frame into its tile and pads what is left over: of a mosaic of four, a quarter and
more is grey, and objects are half as large as they will be. Cut at a scale near 1, there is neither.
Legend: T = tiles, 2 = (x, y).
"""

import numpy as np
import numpy.typing as npt

from yolo_v4.spec.experiment import MosaicCrop

NUMBERS = 3  # random numbers that a window needs, each from 0 to 1: of its scale and its place along x and y

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def crop_windows(
    picture_T2: Integers, tile_T2: Integers, input_2: Integers, crop: MosaicCrop, numbers_TK: Doubles
) -> tuple[Doubles, Doubles]:
    """Random parts of pictures that fill tiles of inputs of a width and height, all inside the pictures.

    At a scale of 1 a picture is as large as it is alone on the input, where its tighter side fits. The scale
    is drawn between the two of `crop`, evenly on a logarithmic axis; it is raised where the picture would not
    fill its tile. Returns left and top, and right and bottom, [T, 2] each: whole pixels of the picture.
    """
    fit_T = (input_2 / picture_T2).min(axis=1)
    scale_T = fit_T * crop.min_scale * (crop.max_scale / crop.min_scale) ** numbers_TK[:, 0]
    scale_T = np.maximum(scale_T, (tile_T2 / picture_T2).max(axis=1))
    size_T2 = np.clip(np.rint(tile_T2 / scale_T[:, None]), 1, picture_T2)
    # Each of the places from 0 to the last one has the same chance.
    start_T2 = np.floor(numbers_TK[:, 1:NUMBERS] * (picture_T2 - size_T2 + 1))
    return start_T2, start_T2 + size_T2
