"""The effects of a cheap camera and its video link on a picture.

They are blur, halos from sharpening, noise, blocks, and rare failures of the link.
"""

import io
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from made_frames.backdrop import Floats
from made_frames.geometry import FRAME_PX, HEIGHT_PX, WIDTH_PX
from made_frames.moment import Moment


def expose(light: Floats, rng: Random, moment: Moment) -> Image.Image:
    """Picture as the sensor gives it, from light [H, W, 3] of 0..255 and above."""
    gain = rng.uniform(0.9, 1.1) + 0.25 * moment.darkness
    lift = rng.uniform(-4, 14)
    dull = rng.uniform(0.08, 0.25)
    cast = np.array([rng.uniform(0.96, 1.04) for _ in range(3)], dtype=np.float32)
    draw = np.random.default_rng(rng.randrange(2**32))
    noise = draw.standard_normal((HEIGHT_PX, WIDTH_PX, 1), dtype=np.float32)
    exposed = light * (cast * (gain * (1 - dull)))
    exposed += light[..., 1:2] * (gain * dull) + noise * (2.2 + 3.5 * moment.darkness) + lift
    picture = Image.fromarray(exposed.clip(0, 255).astype(np.uint8))
    if moment.drops:
        picture = _through_drops(picture, rng, moment.drops)
    soft = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.35, 0.7)))
    return soft.filter(ImageFilter.UnsharpMask(radius=1.6, percent=rng.randint(70, 150), threshold=2))


def _through_drops(picture: Image.Image, rng: Random, drops: int) -> Image.Image:
    """Round patches out of focus, where rain lies on the glass."""
    mask = Image.new("L", FRAME_PX)
    pen = ImageDraw.Draw(mask)
    for _ in range(drops):
        x = rng.uniform(0, WIDTH_PX)
        y = rng.uniform(0, HEIGHT_PX)
        radius = rng.uniform(4, 13)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius * 1.2), fill=210)
    blurred = picture.filter(ImageFilter.BoxBlur(4))
    return Image.composite(blurred, picture, mask.filter(ImageFilter.BoxBlur(2)))


def transmit(picture: Image.Image, rng: Random) -> Image.Image:
    """The picture after a video link of little bandwidth: blocks in trees and tarmac, smeared colour."""
    return Image.open(io.BytesIO(encode(picture, rng.randint(32, 60)))).convert("RGB")


def smear(picture: Image.Image, row: int) -> Image.Image:
    """A broken transmission: everything below `row` repeats that row in stripes."""
    stripes = picture.crop((0, row, WIDTH_PX, row + 1)).resize((WIDTH_PX, HEIGHT_PX - row))
    broken = picture.copy()
    broken.paste(stripes, (0, row))
    return broken


def encode(picture: Image.Image, quality: int = 82) -> bytes:
    """JPEG, by default as the cameras publish it."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
