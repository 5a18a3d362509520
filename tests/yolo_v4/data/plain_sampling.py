"""Training inputs made one after another, tile by tile: the plain way, which the sampler is compared with.

This is how they were made before all tiles of a batch were sampled together. A picture is cut, resized as
`torch.nn.functional.interpolate` does, padded, flipped and recoloured; every random number is drawn where it
is needed.
Legend: N = boxes, 4 = (x1, y1, x2, y2) in pixels, C = channels, H and W = height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.frames import Bools, Floats, Frame, Ids
from yolo_v4.data.letterbox import LUMA, resize
from yolo_v4.spec.experiment import Augmentation

MIN_BOX_SHARE = 1e-3  # of width and height; boxes that are thinner after cropping are dropped (TAO)
MAX_CROP_SHARE = 0.8  # of width or height, both edges together
PADDING_STRIDE_PX = 8  # along both axes, of the pixels whose mean is the colour of the padding
RGB_TO_YIQ = np.array([LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A part of a training input, and the objects on it."""

    pixels: Tensor  # [C, H, W] float32, ready for the network
    boxes: Floats  # [N, 4] float32, pixels of the tile, clipped to it
    kept: Bools  # [N'] bool: which of the picture's boxes are left


class Window(NamedTuple):
    """The part of a picture to show, in whole pixels of the picture; outside the picture it is padding."""

    left: int
    top: int
    right: int
    bottom: int


def random_tile(
    picture: Tensor, boxes: Floats, width: int, height: int, spec: Augmentation, random: np.random.Generator
) -> Tile:
    """A tile of `width` x `height`, of a picture [3, H, W] uint8 r, g, b and boxes [N', 4] in its pixels."""
    flip_x = random.random() < spec.horizontal_flip
    flip_y = random.random() < spec.vertical_flip
    window = jitter_window(picture.shape[2], picture.shape[1], width / height, spec.jitter, random)
    colour, mean = _colour_matrix(spec, random)
    pixels, boxes = _cut(picture, boxes, window, width, height)
    flipped_axes = [axis for axis, is_flipped in ((1, flip_y), (2, flip_x)) if is_flipped]
    if flipped_axes:
        pixels = pixels.flip(flipped_axes)
    if flip_x:
        boxes = np.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), axis=1)
    if flip_y:
        boxes = np.stack((boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]), axis=1)
    boxes, kept = clip_boxes(boxes, width, height)
    return Tile(pixels=_recolour(pixels, colour, mean), boxes=boxes, kept=kept)


def jitter_window(
    width: int, height: int, aspect: float, jitter: float, random: np.random.Generator
) -> Window:
    """A window whose edges are those of the picture, each moved by up to +-`jitter` of the picture's size.

    `aspect` is width / height of the tile. Where the picture is wider or taller, padding is taken off or
    added until the difference is made up for, so without jitter the window has this ratio, up to rounding.
    """
    shares = np.minimum(random.uniform(-jitter, jitter, 4), MAX_CROP_SHARE)
    # Pixels that are cropped at each edge; negative where it is padded.
    left, top, right, bottom = (shares * (width, height, width, height)).tolist()
    left, right = _limit_crop(left, right, width)
    top, bottom = _limit_crop(top, bottom, height)

    excess_width = width - height * aspect
    if excess_width > 0:
        left, right, excess_width = _take_padding(left, right, excess_width)
        padding = excess_width / aspect / 2
        top -= padding
        bottom -= padding
    else:
        top, bottom, excess_height = _take_padding(top, bottom, -excess_width / aspect)
        padding = excess_height * aspect / 2
        left -= padding
        right -= padding

    first_column = round(left)
    first_row = round(top)
    return Window(
        left=first_column,
        top=first_row,
        right=max(round(width - right), first_column + 1),
        bottom=max(round(height - bottom), first_row + 1),
    )


def _limit_crop(first: float, second: float, size: int) -> tuple[float, float]:
    """Two opposite edges, each limited to half of `MAX_CROP_SHARE` where together they crop more."""
    if first + second <= MAX_CROP_SHARE * size:
        return first, second
    most = MAX_CROP_SHARE / 2 * size
    return min(first, most), min(second, most)


def _take_padding(first: float, second: float, excess: float) -> tuple[float, float, float]:
    """Take up to `excess` pixels of padding, which is negative, off two opposite edges.

    Both edges lose the same as long as both have padding; then the one that has some left. Returns the edges
    and what remains of the excess.
    """
    taken = min(max(-first, 0.0), max(-second, 0.0), excess / 2)
    first += taken
    second += taken
    excess -= 2 * taken

    taken = min(max(-first, 0.0), excess)
    first += taken
    excess -= taken

    taken = min(max(-second, 0.0), excess)
    second += taken
    excess -= taken
    return first, second, excess


class _Overlap(NamedTuple):
    """Where window and picture overlap along one axis: in pixels of the picture, and of the tile."""

    start: int
    end: int
    tile_start: int
    tile_end: int

    @property
    def scale(self) -> float:
        """Pixels of the tile to a pixel of the picture."""
        return (self.tile_end - self.tile_start) / (self.end - self.start)


def _overlap(window_start: int, window_end: int, picture_px: int, tile_px: int) -> _Overlap:
    """The overlap along one axis; at least a pixel, also where window and picture do not touch."""
    tile_px_per_px = tile_px / (window_end - window_start)
    inside_start = max(window_start, 0)
    inside_end = min(window_end, picture_px)
    start = min(inside_start, picture_px - 1)
    tile_start = min(round((inside_start - window_start) * tile_px_per_px), tile_px - 1)
    tile_end = round((inside_end - window_start) * tile_px_per_px)
    return _Overlap(start, max(inside_end, start + 1), tile_start, max(tile_end, tile_start + 1))


def _cut(picture: Tensor, boxes: Floats, window: Window, width: int, height: int) -> tuple[Tensor, Floats]:
    """The window of a picture on a tile [C, height, width], and the boxes on it, which are not clipped."""
    x = _overlap(window.left, window.right, picture.shape[2], width)
    y = _overlap(window.top, window.bottom, picture.shape[1], height)
    # Only the visible part is resized; its place on the tile is rounded to whole pixels.
    visible = picture[:, y.start : y.end, x.start : x.end]
    pixels = resize(visible, y.tile_end - y.tile_start, x.tile_end - x.tile_start)
    if pixels.shape[1:] != (height, width):
        sampled = picture[:, ::PADDING_STRIDE_PX, ::PADDING_STRIDE_PX].float()
        mean_colour = sampled.mean(dim=(1, 2), keepdim=True).to(torch.uint8).to(pixels.dtype)
        tile = mean_colour.expand(-1, height, width).clone()
        tile[:, y.tile_start : y.tile_end, x.tile_start : x.tile_end] = pixels
        pixels = tile
    corners = boxes.reshape(-1, 2, 2) - (x.start, y.start)
    corners = corners * (x.scale, y.scale) + (x.tile_start, y.tile_start)
    return pixels, corners.reshape(-1, 4).astype(np.float32)


def _colour_matrix(spec: Augmentation, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A random change of hue, saturation and exposure, and the mean to subtract.

    Returns a matrix [C, 3] from r, g, b to the channels of the network, and the mean [C, 1].
    """
    angle = random.uniform(-np.pi, np.pi) * spec.hue
    saturation = _random_factor(spec.saturation, random)
    exposure = _random_factor(spec.exposure, random)
    cosine = saturation * np.cos(angle)
    sine = saturation * np.sin(angle)
    turn = np.array(((1, 0, 0), (0, cosine, -sine), (0, sine, cosine)))
    rgb_to_rgb = exposure * (YIQ_TO_RGB @ turn @ RGB_TO_YIQ)
    # b, g, r (copied, since torch takes no array with negative strides) or grey
    colour = rgb_to_rgb[::-1].copy() if spec.channels == 3 else np.array([LUMA]) @ rgb_to_rgb
    mean = torch.tensor(spec.mean, dtype=torch.float32)[:, None]
    return torch.tensor(colour, dtype=torch.float32), mean


def _random_factor(limit: float, random: np.random.Generator) -> float:
    factor = random.uniform(1, limit)
    return factor if random.random() < 0.5 else 1 / factor


def _recolour(pixels: Tensor, colour: Tensor, mean: Tensor) -> Tensor:
    """Network input [C, H, W] of a tile: colours mixed, clamped to 0..255, mean subtracted."""
    device = pixels.device
    mixed = colour.to(device, non_blocking=True) @ pixels.reshape(len(pixels), -1).float()
    mixed = mixed.clamp_(0, 255).sub_(mean.to(device, non_blocking=True))
    return mixed.reshape(len(colour), *pixels.shape[1:])


def clip_boxes(boxes: Floats, width: int, height: int) -> tuple[Floats, Bools]:
    """Clip boxes to a tile of `width` x `height` and drop those that are then too thin.

    Returns the boxes that are left, [N, 4], and which of those given they are, bool [N'].
    """
    limit = np.array((width, height, width, height), dtype=np.float32)
    clipped = np.clip(boxes, 0, limit)
    kept: Bools = np.all(clipped[:, 2:] - clipped[:, :2] > MIN_BOX_SHARE * limit[:2], axis=1)
    return clipped[kept], kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A training input and its objects."""

    pixels: Tensor  # [C, H, W] float32, ready for the network
    boxes: Floats  # [N, 4] float32, shares of width and height
    classes: Ids  # [N] int64


def random_sample(
    index: int,
    frames: Sequence[Frame],
    pictures: Sequence[Tensor],
    spec: Augmentation,
    size: tuple[int, int],
    random: np.random.Generator,
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
    canvas = torch.empty(spec.channels, height, width)
    boxes = []
    classes = []
    for member, (left, top, right, bottom) in zip(members, areas, strict=True):
        frame = frames[member]
        tile = random_tile(pictures[member], frame.boxes, right - left, bottom - top, spec, random)
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
