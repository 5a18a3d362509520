"""Picture files: lists of them, their size, and their decoded pixels."""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from yolo_v4.errors import DataError

# By these endings TAO's commands know a picture, each by a rule of its own.
TRAINING_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")  # beside label folders, in any case
KMEANS_ENDINGS = (".jpg", ".jpeg", ".JPG", ".JPEG", ".png", ".PNG")
INFERENCE_SUFFIXES = (".jpg", ".jpeg", ".png")  # in any case
# By these `predict`, which TAO lacks, knows one, in any case: formats that Pillow reads by itself.
PREDICT_SUFFIXES = (*INFERENCE_SUFFIXES, ".jfif", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
# What a file may hold, whatever it is called; formats that start other programs (EPS) are left out.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
LARGE_PX = 16_000_000  # of more pixels, pictures are worked on one at a time: each takes 16 bytes a pixel
MAX_PICTURE_PX = 100_000_000  # allows a scan of 10,000 x 10,000 and stops decompression bombs
_ONE_LARGE = threading.Lock()
# Pillow raises all of these for damaged files, and some more where it reads EXIF data.
DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, ZeroDivisionError),
    struct.error,
)
_DAMAGED_EXIF = (*DAMAGED, AttributeError, KeyError, TypeError)


def open_picture(path: Path) -> Image.Image:
    """Open a picture and read its header only; its pixels are decoded later.

    Raises DataError: there is no such file, it is not a picture, or it has more than `MAX_PICTURE_PX` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            picture = Image.open(path, formats=FORMATS)
    except FileNotFoundError as error:
        raise DataError(
            f"no picture at {path}", remedy="check the folder of images and image_extension"
        ) from error
    except (*DAMAGED, Image.DecompressionBombError) as error:
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
    """A picture with its pixels decoded, 8 bits a channel.

    Raises DataError: as `open_picture`, or the pixels are damaged.
    """
    try:
        with open_picture(path) as picture:
            picture.load()
    except DAMAGED as error:
        raise DataError(f"{path} cannot be decoded: {error}", remedy="replace or remove it") from error
    if not picture.mode.startswith("I"):
        return picture
    # 16 bits: Pillow's conversion to 8 bits would clamp to 255 instead of scaling.
    return picture.convert("I").point(lambda value: value / 257).convert("L")


@contextmanager
def damaged_exif_ignored() -> Iterator[None]:
    """A context in which EXIF data are read; where they are damaged it ends, without a word."""
    with warnings.catch_warnings(), suppress(*_DAMAGED_EXIF):
        warnings.simplefilter("ignore")
        yield


def one_large(path: Path) -> AbstractContextManager[Any]:
    """A context to work on a picture in; among all threads only one is inside with a large one.

    Raises DataError: as `open_picture`.
    """
    width, height = picture_size(path)
    return _ONE_LARGE if width * height > LARGE_PX else nullcontext()


def list_pictures(folder: Path, endings: str | tuple[str, ...], *, remedy: str) -> list[Path]:
    """Files of a folder with one of the endings, sorted, without the shadows that macOS adds (`._a.png`).

    Raises DataError: the folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(endings)]
        return sorted(path for path in found if not path.name.startswith("._"))
    except OSError as error:
        raise DataError(f"cannot list the pictures: {error}", remedy=remedy) from error


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, from the header alone. Raises DataError: as `open_picture`."""
    with open_picture(path) as picture:
        return picture.size
