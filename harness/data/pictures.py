"""Pictures: what is wrong with one, its size, and how any of them becomes an upright JPEG.

Everything after `download` reads JPEG pictures without an EXIF orientation, which programs do not agree on.
A JPEG that is whole and upright keeps its bytes. So does what cannot be decoded, for `verify` to tell.
"""

import io
import struct
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # costs 30 ms, and only a stage that looks at pictures needs it
    from PIL import Image

# Decoded by Pillow or a library that comes with it; formats that start other programs (EPS) are left out.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
MAX_PICTURE_PX = 100_000_000  # allows a scan of 10,000 x 10,000 and stops decompression bombs
QUALITY = 95  # of pictures that are written again, with colours at full resolution
JPEG, END_MARKER = b"\xff\xd8\xff", b"\xff\xd9"
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
# How a picture of each other orientation becomes upright (EXIF 2.32, 4.6.4); PIL turns against the clock.
TURNS = {
    **{2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM"},
    **{5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"},
}
# Entropy-coded data that a decoder would turn into pixels, were any missing; two kinds, as one may fit.
_FILLERS = (b"\x55\xaa" * 64, b"\x13\xc7" * 64)
_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, ZeroDivisionError),
    struct.error,
)
_EXIF_ERRORS = (*_ERRORS, AttributeError, KeyError, TypeError)

TURNED = "turned upright, as their EXIF orientation says"
CONVERTED = "converted from {} to JPEG"
COMPLETED = "completed, their end marker was missing"


def picture_problem(content: bytes, *, width_px: int = 0, height_px: int = 0) -> str:
    """What is wrong with a picture, or "". Its size is looked at before anything is decoded.

    Args:
        width_px, height_px: the size it must have; 0 takes any.
    """
    if not content:
        return "an empty file"
    try:
        picture = _opened(content)
        if problem := _size_problem(picture.size, (width_px, height_px)):
            return problem
        # An eighth of the size takes a third of the time, and still reads the file to its end.
        picture.draft("L", (1, 1))
        picture.load()
    except _ERRORS as error:
        return _in_words(error, content)
    return ""


def picture_size(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels when upright, from the header alone; (0, 0) of what is no picture."""
    with suppress(*_ERRORS):
        picture = _opened(content)
        return picture.size[::-1] if orientation(picture) > 4 else picture.size
    return 0, 0


def orientation(picture: "Image.Image") -> int:
    """The EXIF orientation, 1 to 8; 1 where none is told, or one that does not exist."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged EXIF data, which say nothing then
        with suppress(*_EXIF_ERRORS):
            value = picture.getexif().get(ORIENTATION, 1)
            return value if value in range(1, 9) else 1
    return 1


def is_upright(content: bytes) -> bool:
    """Whether no EXIF orientation asks for the picture to be turned."""
    if b"Exif\0" in content:
        with suppress(*_ERRORS):
            return orientation(_opened(content)) == 1
    return True


def upright_jpeg(content: bytes) -> tuple[bytes, str]:
    """The picture as an upright JPEG, and what was done: TURNED, CONVERTED, COMPLETED, or "" for nothing.

    A JPEG that ends without its end marker is completed where every pixel is there. The first picture counts
    of a file that holds several.
    """
    if content.startswith(JPEG) and content.rstrip(b"\0").endswith(END_MARKER) and b"Exif\0" not in content:
        return content, ""  # the usual case costs nothing
    try:
        picture = _opened(content)
        if _size_problem(picture.size, (0, 0)):
            return content, ""
        if content.startswith(JPEG):
            return _mended_jpeg(content, picture)
        return _saved(picture), CONVERTED.format(picture.format)
    except _ERRORS:
        return content, ""


def _mended_jpeg(content: bytes, picture: "Image.Image") -> tuple[bytes, str]:
    done = ""
    has_end = content.rstrip(b"\0").endswith(END_MARKER)
    if not has_end and picture_problem(content) and _lacks_only_its_end(content, picture):
        content, done = content + END_MARKER, COMPLETED
    if orientation(picture) == 1 or picture_problem(content):
        return content, done
    return _saved(_opened(content)), TURNED


def _lacks_only_its_end(content: bytes, picture: "Image.Image") -> bool:
    """Whether more data would change no pixel."""
    # Of a progressive picture nobody can tell: its later passes refine every pixel.
    if picture.info.get("progressive"):
        return False
    endings = (END_MARKER, *(filler + END_MARKER for filler in _FILLERS))
    return len({_opened(content + ending).tobytes() for ending in endings}) == 1


def _saved(picture: "Image.Image") -> bytes:
    from PIL import Image

    # Not by `exif_transpose`, which fails where it writes damaged EXIF data again.
    turn = TURNS.get(orientation(picture))
    turned = picture if turn is None else picture.transpose(Image.Transpose[turn])
    if turned.mode.startswith("I"):  # 16 bits: Pillow's own conversion would clamp to 255, not scale
        turned = turned.convert("I").point(lambda value: value / 257).convert("L")
    if turned.mode != "L":
        turned = turned.convert("RGB")
    stream = io.BytesIO()
    turned.save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()


def tell_changes(changes: Sequence[str], say: Callable[[str], None]) -> None:
    """Say how many pictures were changed in which way."""
    for done, count in sorted(Counter(filter(None, changes)).items()):
        say(f"{count} of {len(changes)} pictures {done}")


def _opened(content: bytes) -> "Image.Image":
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which `_size_problem` looks at, and of damaged metadata
        try:
            return Image.open(io.BytesIO(content), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ValueError(_too_large(str(error).partition("(")[2].partition(" ")[0])) from error


def _size_problem(size: tuple[int, int], expected: tuple[int, int]) -> str:
    if size[0] * size[1] > MAX_PICTURE_PX:
        return f"{size[0]}x{size[1]}: {_too_large(str(size[0] * size[1]))}"
    if any(want and have != want for have, want in zip(size, expected, strict=True)):
        return f"{size[0]}x{size[1]}"
    return ""


def _too_large(pixels: str) -> str:
    return f"{pixels} pixels, of which {MAX_PICTURE_PX} at most are decoded"


def _in_words(error: Exception, content: bytes) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return f"no picture ({len(content)} bytes, starting with {content[:8]!r})"
    return f"damaged: {error}" if isinstance(error, OSError | SyntaxError) else str(error)
