"""One training tile: flip, jitter, resize and colour of a picture and its boxes, drawn from a random generator.

One pipeline serves label folders and TFRecords alike. It follows TAO's intent, which its two pipelines miss in parts:
  - hue turns by up to +-180 degrees x `hue`; saturation and exposure multiply by a factor in [1/f, f]
    (TAO adds `exposure` to pixels of 0..255 for TFRecords, which shows nothing, and mangles colours of label folders);
  - jitter moves each edge of the picture by up to +-`jitter` of its size: inwards crops, outwards pads with the
    picture's mean colour. By how much the tile's aspect ratio differs from the picture's is evened out by padding.
Hue, saturation and exposure are one 3 x 3 matrix in YIQ space: grey stays grey, and hue and saturation keep the luma.
Legend: N = boxes, 4 = (x1, y1, x2, y2) in pixels, C = channels, H and W = height and width.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.frames import Bools, Floats
from yolo_v4.data.letterbox import LUMA, resize
from yolo_v4.spec.experiment import Augmentation

MIN_BOX_SHARE = 1e-3  # of width and height; what is thinner after cropping is dropped (TAO)
MAX_CROP_SHARE = 0.8  # of width or height, both edges together
RGB_TO_YIQ = np.array([LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A part of a training input, and what lies on it."""

    pixels: Tensor  # [C, H, W] float32, ready for the network
    boxes: Floats  # [N, 4] float32, pixels of the tile, clipped to it
    kept: Bools  # [N'] bool: which of the picture's boxes are left


def random_tile(
    picture: Tensor, boxes: Floats, width: int, height: int, spec: Augmentation, random: np.random.Generator
) -> Tile:
    """A picture, [3, H, W] uint8 r, g, b, and boxes [N', 4] in its pixels on a tile."""
    flip_x, flip_y = random.random() < spec.horizontal_flip, random.random() < spec.vertical_flip
    window = jitter_window(picture.shape[2], picture.shape[1], width / height, spec.jitter, random)
    colour, offset = colour_matrix(spec, random)
    pixels, boxes = cut(picture, boxes, window, width, height)
    flipped = [axis for axis, on in ((1, flip_y), (2, flip_x)) if on]
    pixels = pixels.flip(flipped) if flipped else pixels
    if flip_x:
        boxes = np.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), axis=1)
    if flip_y:
        boxes = np.stack((boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]), axis=1)
    boxes, kept = clip_boxes(boxes, width, height)
    return Tile(pixels=recolour(pixels, colour, offset), boxes=boxes, kept=kept)


def jitter_window(
    width: int, height: int, aspect: float, jitter: float, random: np.random.Generator
) -> tuple[int, int, int, int]:
    """The part of a picture to show: left, top, right, bottom in whole pixels; outside the picture is padding.

    `aspect` is width / height of what it will be shown on; without jitter the window has the same up to rounding.
    """
    shifts = np.minimum(random.uniform(-jitter, jitter, 4), MAX_CROP_SHARE)
    left, top, right, bottom = (shifts * (width, height, width, height)).tolist()
    left, right = _limit_crop(left, right, width)
    top, bottom = _limit_crop(top, bottom, height)
    # Too wide for the tile: take padding off the sides as far as there is any, then pad above and below.
    excess = width - height * aspect
    if excess > 0:
        left, right, excess = _take_padding(left, right, excess)
        top, bottom = top - excess / aspect / 2, bottom - excess / aspect / 2
    else:  # too tall: the same, the other way round
        top, bottom, excess = _take_padding(top, bottom, -excess / aspect)
        left, right = left - excess * aspect / 2, right - excess * aspect / 2
    left, top, right, bottom = round(left), round(top), round(width - right), round(height - bottom)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def cut(
    picture: Tensor, boxes: Floats, window: tuple[int, int, int, int], width: int, height: int
) -> tuple[Tensor, Floats]:
    """The window of a picture on a tile of the given size: [C, height, width] and the boxes on it, not clipped."""
    left, top, right, bottom = window
    scale = np.array((width / (right - left), height / (bottom - top)))
    origin = np.array((left, top))
    inside = np.array(
        ((max(left, 0), max(top, 0)), (min(right, picture.shape[2]), min(bottom, picture.shape[1])))
    )
    (x1, y1), (x2, y2) = inside.tolist()
    x1, y1 = min(x1, picture.shape[2] - 1), min(y1, picture.shape[1] - 1)
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    # Resize the visible part alone; its place on the tile is rounded outwards by less than a pixel.
    (u1, v1), (u2, v2) = np.rint((inside - origin) * scale).astype(int).tolist()
    u1, v1 = min(u1, width - 1), min(v1, height - 1)
    u2, v2 = max(u2, u1 + 1), max(v2, v1 + 1)
    seen = resize(picture[:, y1:y2, x1:x2], v2 - v1, u2 - u1)
    if (u2 - u1, v2 - v1) != (width, height):
        # The mean of every eighth pixel along both axes is exact enough for padding, and cheap.
        mean_colour = picture[:, ::8, ::8].float().mean(dim=(1, 2), keepdim=True)
        tile = mean_colour.to(seen.dtype).expand(-1, height, width).clone()
        tile[:, v1:v2, u1:u2] = seen
        seen = tile
    moved = (boxes.reshape(-1, 2, 2) - (x1, y1)) * ((u2 - u1) / (x2 - x1), (v2 - v1) / (y2 - y1)) + (u1, v1)
    return seen, moved.reshape(-1, 4).astype(np.float32)


def colour_matrix(spec: Augmentation, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """[C, 3] from r, g, b to the network's channels with random hue, saturation and exposure; [C, 1] to subtract."""
    angle = random.uniform(-np.pi, np.pi) * spec.hue
    saturation = _random_factor(spec.saturation, random)
    exposure = _random_factor(spec.exposure, random)
    cosine, sine = saturation * np.cos(angle), saturation * np.sin(angle)
    turn = np.array(((1, 0, 0), (0, cosine, -sine), (0, sine, cosine)))
    colour = exposure * (YIQ_TO_RGB @ turn @ RGB_TO_YIQ)
    colour = colour[::-1] if spec.channels == 3 else np.array([LUMA]) @ colour
    return torch.tensor(colour.copy(), dtype=torch.float32), torch.tensor(spec.mean, dtype=torch.float32)[
        :, None
    ]


def recolour(pixels: Tensor, colour: Tensor, mean: Tensor) -> Tensor:
    """Network input [C, H, W] of a tile: colours mixed, kept within 0..255, mean subtracted."""
    device = pixels.device
    mixed = colour.to(device, non_blocking=True) @ pixels.reshape(len(pixels), -1).float()
    mixed = mixed.clamp_(0, 255).sub_(mean.to(device, non_blocking=True))
    return mixed.reshape(len(colour), *pixels.shape[1:])


def clip_boxes(boxes: Floats, width: int, height: int) -> tuple[Floats, Bools]:
    """Boxes clipped to a tile, [N, 4], without those that are next to nothing; and which of them were kept, bool."""
    limit = np.array((width, height, width, height), dtype=np.float32)
    clipped = np.clip(boxes, 0, limit)
    kept: Bools = np.all(clipped[:, 2:] - clipped[:, :2] > MIN_BOX_SHARE * limit[:2], axis=1)
    return clipped[kept], kept


def _random_factor(limit: float, random: np.random.Generator) -> float:
    factor = random.uniform(1, limit)
    return factor if random.random() < 0.5 else 1 / factor


def _limit_crop(first: float, second: float, size: int) -> tuple[float, float]:
    if first + second <= MAX_CROP_SHARE * size:
        return first, second
    return min(first, MAX_CROP_SHARE / 2 * size), min(second, MAX_CROP_SHARE / 2 * size)


def _take_padding(first: float, second: float, excess: float) -> tuple[float, float, float]:
    """Two edges with up to `excess` of padding (negative values) taken off, from both alike while both have some."""
    both = min(max(-first, 0.0), max(-second, 0.0), excess / 2)
    first, second, excess = first + both, second + both, excess - 2 * both
    taken = min(max(-first, 0.0), excess)
    first, excess = first + taken, excess - taken
    taken = min(max(-second, 0.0), excess)
    return first, second + taken, excess - taken
