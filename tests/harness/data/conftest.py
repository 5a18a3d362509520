"""Sources made of a few bytes."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data.source import Source


@pytest.fixture
def source_of() -> Callable[..., Source]:
    """Makes a source of {name: text or bytes}."""

    def make(files: dict[str, str | bytes]) -> Source:
        contents = {
            name: content.encode() if isinstance(content, str) else content for name, content in files.items()
        }
        return Source(path=Path("given"), names=tuple(sorted(contents)), read=contents.__getitem__)

    return make


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Makes a picture of noise, given its size, and its format."""

    def make(width_px: int = 100, height_px: int = 50, kind: str = "PNG") -> bytes:
        pixels = np.random.default_rng(width_px).integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind)
        return stream.getvalue()

    return make
