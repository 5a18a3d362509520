"""What a cheap camera and its video link do to a picture: blur, sharpening halos, noise, blocks; and rare failures."""

import io
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from harness.sample.backdrop import Floats
from harness.sample.geometry import HEIGHT_PX, WIDTH_PX


def expose(light: Floats, rng: Random, *, darkness: float) -> Image.Image:
    """Picture as the sensor gives it, from light [H, W, 3] of 0..255 and above."""
    gain, lift = rng.uniform(0.9, 1.1) + 0.25 * darkness, rng.uniform(-4, 14)
    cast = np.array([rng.uniform(0.96, 1.04) for _ in range(3)], dtype=np.float32)
    draw = np.random.default_rng(rng.randrange(2**32))
    noise = draw.standard_normal((HEIGHT_PX, WIDTH_PX), dtype=np.float32)[..., None] * np.float32(2.2 + 3.5 * darkness)
    grey = light.mean(axis=-1, keepdims=True)
    dull = np.float32(rng.uniform(0.08, 0.25))
    exposed = (light * (1 - dull) + grey * dull) * cast * np.float32(gain) + np.float32(lift) + noise
    picture = Image.fromarray(exposed.clip(0, 255).astype(np.uint8))
    soft = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.45, 0.8)))
    return soft.filter(ImageFilter.UnsharpMask(radius=1.6, percent=rng.randint(70, 150), threshold=2))


def transmit(picture: Image.Image, rng: Random) -> Image.Image:
    """The picture after a video link of little bandwidth: blocks in trees and tarmac, smeared colour."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=rng.randint(32, 60), subsampling=2)
    return Image.open(stream).convert("RGB")


def smear(picture: Image.Image, row: int) -> Image.Image:
    """A broken transmission: everything below `row` repeats that row in stripes."""
    line = picture.crop((0, row, WIDTH_PX, row + 1))
    picture.paste(line.resize((WIDTH_PX, HEIGHT_PX - row)), (0, row))
    return picture


def encode(picture: Image.Image) -> bytes:
    """JPEG as the cameras publish it."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=82)
    return stream.getvalue()
