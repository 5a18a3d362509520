"""Training tiles: flip, jitter, resize and recolour pictures and their boxes, at random.

A tile is a part of a training input that shows one picture. Here is only decided what is shown and where;
`yolo_v4.data.sampling` moves the pixels. All tiles of a batch are worked out together.
Label folders and TFRecords share one pipeline. TAO has one for each, and both deviate in parts from what the
fields of the spec are meant to do; here:
  - `hue` turns colours by up to +-180 degrees x `hue`;
  - `saturation` and `exposure` are the largest factors f, drawn from [1/f, f] (for TFRecords, TAO adds
    `exposure` to pixels of 0..255, which has no visible effect; for label folders it distorts colours);
  - `jitter` moves each edge of the picture by up to +-`jitter` of its size: inwards crops, outwards pads with
    the mean colour of the picture. If the aspect ratios of picture and tile differ, padding makes up for it.
Hue, saturation and exposure together are one 3 x 3 matrix in YIQ space, so grey stays grey, and hue and
saturation do not change the luma.
Legend: T = tiles, G = boxes, 4 = (x1, y1, x2, y2) in pixels, 2 = (x, y), C = channels, K = NUMBERS.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yolo_v4.data.crop import crop_windows
from yolo_v4.data.frames import Bools, Floats, Ids
from yolo_v4.data.letterbox import LUMA
from yolo_v4.spec.experiment import Augmentation, MosaicCrop

# Random numbers of a tile, each from 0 to 1: two for flips along x and y, four for the edges of the window,
# and for the colours one of hue and two each of saturation and exposure.
NUMBERS = 11
FLIPS, EDGES, HUE, SATURATION, EXPOSURE = slice(0, 2), slice(2, 6), 6, slice(7, 9), slice(9, 11)
MIN_BOX_SHARE = 1e-3  # of width and height; boxes that are thinner after cropping are dropped (TAO)
MAX_CROP_SHARE = 0.8  # of width or height, both edges together
RGB_TO_YIQ = np.array([LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ)

Doubles = npt.NDArray[np.float64]


class Tiles(NamedTuple):
    """What the tiles of a batch show. A part of each picture is visible; the rest of the tile is padding."""

    area: Ids  # [T, 4] corners on the training input, whole pixels
    flip: Bools  # [T, 2]
    picture_start: Ids  # [T, 2] the visible part in pixels of the picture: from here
    picture_end: Ids  # [T, 2] up to here
    tile_start: Ids  # [T, 2] the same in pixels of the tile, before it is flipped
    tile_end: Ids  # [T, 2]
    colour: Doubles  # [T, C, 3] from r, g, b to the channels of the network

    @property
    def size(self) -> Ids:
        """Width and height [T, 2] of each tile."""
        return self.area[:, 2:] - self.area[:, :2]

    @property
    def scale(self) -> Doubles:
        """Pixels of the tile to a pixel of the picture, [T, 2]."""
        return (self.tile_end - self.tile_start) / (self.picture_end - self.picture_start)


def make_tiles(
    numbers_TK: Doubles,
    area_T4: Ids,
    picture_T2: Ids,
    spec: Augmentation,
    *,
    crop: MosaicCrop | None = None,
    object_T2: Doubles | float = np.nan,
) -> Tiles:
    """Tiles of pictures of sizes (width, height) [T, 2], as their random numbers say.

    `crop`: how tiles of a mosaic are cut; None: as pictures alone, with padding. `object_T2`: a place that is
    then to be seen, or NaN.
    """
    size_T2 = area_T4[:, 2:] - area_T4[:, :2]
    start_T2, end_T2 = jitter_window(
        picture_T2, size_T2[:, 0] / size_T2[:, 1], spec.jitter, numbers_TK[:, EDGES]
    )
    if crop is not None:
        input_2 = area_T4[:, 2:].max(axis=0)  # a tile that is smaller is one of a mosaic
        cut_start_T2, cut_end_T2 = crop_windows(
            picture_T2, size_T2, input_2, crop, numbers_TK[:, EDGES], object_T2
        )
        is_mosaic_T1 = (size_T2 < input_2).any(axis=1, keepdims=True)
        start_T2 = np.where(is_mosaic_T1, cut_start_T2, start_T2)
        end_T2 = np.where(is_mosaic_T1, cut_end_T2, end_T2)
    return Tiles(
        area_T4,
        numbers_TK[:, FLIPS] < (spec.horizontal_flip, spec.vertical_flip),
        *_visible(start_T2, end_T2, picture_T2, size_T2),
        colour_matrix(spec, numbers_TK),
    )


def jitter_window(
    size_T2: Ids, aspect_T: Doubles, jitter: float, numbers_T4: Doubles
) -> tuple[Doubles, Doubles]:
    """Windows whose edges are those of the picture, each moved by up to +-`jitter` of the picture's size.

    `aspect_T` is width / height of each tile. Where the picture is wider or taller, padding is taken off or
    added until the difference is made up for, so without jitter a window has this ratio, up to rounding.
    Returns left and top, and right and bottom, [T, 2] each: whole pixels of the picture; outside of it there
    is padding.
    """
    shares = np.minimum(2 * jitter * numbers_T4 - jitter, MAX_CROP_SHARE)
    # Pixels that are cropped at each edge; negative where it is padded.
    first_T2, second_T2 = _limit_crop(shares[:, :2] * size_T2, shares[:, 2:] * size_T2, size_T2)

    width_T, height_T = size_T2.T
    excess_T = width_T - height_T * aspect_T
    excess_T2 = np.stack((np.maximum(excess_T, 0), np.maximum(-excess_T / aspect_T, 0)), axis=1)
    first_T2, second_T2, excess_T2 = _take_padding(first_T2, second_T2, excess_T2)
    # What remains of an excess is made up for by padding along the other axis.
    padding_T2 = np.stack((excess_T2[:, 1] * aspect_T, excess_T2[:, 0] / aspect_T), axis=1) / 2

    start_T2 = np.rint(first_T2 - padding_T2)
    return start_T2, np.maximum(np.rint(size_T2 - (second_T2 - padding_T2)), start_T2 + 1)


def _limit_crop(first: Doubles, second: Doubles, size: Ids) -> tuple[Doubles, Doubles]:
    """Two opposite edges, each limited to half of `MAX_CROP_SHARE` where together they crop more."""
    most = np.where(first + second <= MAX_CROP_SHARE * size, np.inf, MAX_CROP_SHARE / 2 * size)
    return np.minimum(first, most), np.minimum(second, most)


def _take_padding(first: Doubles, second: Doubles, excess: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Take up to `excess` pixels of padding, which is negative, off two opposite edges.

    Both edges lose the same as long as both have padding; then the one that has some left. Returns the edges
    and what remains of the excess.
    """
    taken = np.minimum(np.minimum(np.maximum(-first, 0), np.maximum(-second, 0)), excess / 2)
    first = first + taken
    second = second + taken
    excess = excess - 2 * taken

    taken = np.minimum(np.maximum(-first, 0), excess)
    first = first + taken
    excess = excess - taken

    taken = np.minimum(np.maximum(-second, 0), excess)
    return first, second + taken, excess - taken


def _visible(
    window_start: Doubles, window_end: Doubles, picture_px: Ids, tile_px: Ids
) -> tuple[Ids, Ids, Ids, Ids]:
    """Where windows and pictures overlap along each axis: from and to in the picture, and in the tile.

    It is at least a pixel, also where the two do not touch.
    """
    scale = tile_px / (window_end - window_start)
    inside_start = np.maximum(window_start, 0)
    inside_end = np.minimum(window_end, picture_px)
    start = np.minimum(inside_start, picture_px - 1)
    end = np.maximum(inside_end, start + 1)
    tile_start = np.minimum(np.rint((inside_start - window_start) * scale), tile_px - 1)
    tile_end = np.maximum(np.rint((inside_end - window_start) * scale), tile_start + 1)
    left, right, tile_left, tile_right = np.stack((start, end, tile_start, tile_end)).astype(np.int64)
    return left, right, tile_left, tile_right


def colour_matrix(spec: Augmentation, numbers_TK: Doubles) -> Doubles:
    """A random change of hue, saturation and exposure: matrices [T, C, 3] from r, g, b to the network's."""
    angle = np.pi * (2 * numbers_TK[:, HUE] - 1) * spec.hue
    saturation = _random_factor(spec.saturation, numbers_TK[:, SATURATION])
    exposure = _random_factor(spec.exposure, numbers_TK[:, EXPOSURE])
    turn = np.zeros((len(angle), 3, 3))
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * np.cos(angle)
    turn[:, 2, 1] = saturation * np.sin(angle)
    turn[:, 1, 2] = -turn[:, 2, 1]
    rgb_to_rgb = exposure[:, None, None] * (YIQ_TO_RGB @ turn @ RGB_TO_YIQ)
    return rgb_to_rgb[:, ::-1] if spec.channels == 3 else np.array([LUMA]) @ rgb_to_rgb  # b, g, r or grey


def _random_factor(limit: float, number_T2: Doubles) -> Doubles:
    factor = 1 + (limit - 1) * number_T2[:, 0]
    return np.where(number_T2[:, 1] < 0.5, factor, 1 / factor)


def move_boxes(
    boxes_G4: Floats, tile_G: Ids, tiles: Tiles, *, min_visible: float = 0.0
) -> tuple[Floats, Bools]:
    """Boxes on pictures, each with the number of its tile, as boxes on their tiles, clipped to them.

    `min_visible` is as for `clip_boxes`. Returns those that are left, and which of the given ones they are,
    bool [G'].
    """
    corners = boxes_G4.reshape(-1, 2, 2) - tiles.picture_start[tile_G, None]
    corners = (corners * tiles.scale[tile_G, None] + tiles.tile_start[tile_G, None]).astype(np.float32)
    size_G2 = tiles.size[tile_G]
    # Mirrored boxes begin where they ended.
    mirrored = (size_G2[:, None] - corners[:, ::-1]).astype(np.float32)
    corners = np.where(tiles.flip[tile_G, None], mirrored, corners)
    return clip_boxes(corners.reshape(-1, 4), size_G2, min_visible=min_visible)


def clip_boxes(boxes_G4: Floats, size_G2: Ids, *, min_visible: float = 0.0) -> tuple[Floats, Bools]:
    """Clip boxes to a width and height, of each or of all [2], and drop those that are then too thin.

    Those of which less than the share `min_visible` of their area is left are dropped too.
    Returns the boxes that are left, [G, 4], and which of those given they are, bool [G'].
    """
    limit = np.tile(size_G2.astype(np.float32), 2)
    clipped = np.clip(boxes_G4, 0, limit)
    kept: Bools = np.all(clipped[:, 2:] - clipped[:, :2] > MIN_BOX_SHARE * limit[..., :2], axis=1)
    if min_visible:
        kept &= _area(clipped) >= min_visible * _area(boxes_G4)
    return clipped[kept], kept


def _area(boxes_G4: Floats) -> Floats:
    area: Floats = (boxes_G4[:, 2:] - boxes_G4[:, :2]).prod(axis=1)
    return area
