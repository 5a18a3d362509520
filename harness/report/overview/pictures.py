"""Test frames for the page: small, and sharp enough to see what was missed."""

import base64
import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from harness.data.pictures import MAX_PICTURE_PX
from harness.report.overview.accuracy import FrameScore

WIDEST_PX = 480  # JamCam's frames have 352
QUALITY = 62  # of WebP
ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, Image.DecompressionBombError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A frame as an address that holds it; "" where it cannot be read. Its boxes are in its own pixels."""

    width_px: int
    height_px: int
    address: str


def pictures_of(frames: Sequence[FrameScore], folder: Path) -> tuple[Picture, ...]:
    """The pictures of these frames, which are called as their files in a folder are, without ending."""
    wanted = {one.name for one in frames}
    files = {path.stem: path for path in sorted(folder.glob("*")) if path.stem in wanted and path.is_file()}
    return tuple(_picture(files.get(one.name)) for one in frames)


def _picture(path: Path | None) -> Picture:
    with contextlib.suppress(*ERRORS):
        if path is not None:
            with Image.open(path) as picture:
                width, height = picture.size
                if width * height <= MAX_PICTURE_PX:
                    return Picture(width_px=width, height_px=height, address=_address(picture))
    return Picture(width_px=0, height_px=0, address="")


def _address(picture: Image.Image) -> str:
    shown = picture.convert("RGB")
    shown.thumbnail((WIDEST_PX, picture.height))
    stream = io.BytesIO()
    shown.save(stream, "WEBP", quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode()
