"""Picture files before their pixels are decoded: is it one, how big is it."""

import warnings
from pathlib import Path

from PIL import Image

from yolo_v4.errors import DataError

MAX_PICTURE_PX = 100_000_000  # a 10k x 10k scan passes, a decompression bomb does not


def open_picture(path: Path) -> Image.Image:
    """A picture whose header was read and whose size is within bounds; pixels are decoded later.

    Raises DataError: no such file, not a picture, or more than `MAX_PICTURE_PX` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            picture = Image.open(path)
    except FileNotFoundError as error:
        raise DataError(
            f"no picture at {path}", remedy="check the folder of images and image_extension"
        ) from error
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} is not a picture that can be read: {error}", remedy="replace or remove it"
        ) from error
    if picture.width * picture.height > MAX_PICTURE_PX:
        raise DataError(
            f"{path} has {picture.width} x {picture.height} pixels; at most {MAX_PICTURE_PX} are decoded",
            remedy="scale it down or remove it",
        )
    return picture


def decoded_picture(path: Path) -> Image.Image:
    """A picture and its pixels, of 8 bits a channel. Raises DataError: as `open_picture`, or the pixels are damaged."""
    try:
        with open_picture(path) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be decoded: {error}", remedy="replace or remove it") from error
    # Pillow's own way from 16 bits to 8 cuts off what is above 255.
    grey_16 = picture.mode.startswith("I")
    return picture.convert("I").point(lambda value: value / 257).convert("L") if grey_16 else picture


def list_pictures(folder: Path, endings: str | tuple[str, ...], *, remedy: str) -> list[Path]:
    """Sorted files of one folder whose names end so. Raises DataError: the folder cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(endings))
    except OSError as error:
        raise DataError(f"cannot list the pictures: {error}", remedy=remedy) from error


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, from the header alone. Raises DataError: as `open_picture`."""
    with open_picture(path) as picture:
        return picture.size
