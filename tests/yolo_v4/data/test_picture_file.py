import struct
import threading
import zlib
from pathlib import Path

import pytest
from PIL import Image

from yolo_v4.data import picture_file
from yolo_v4.data.picture_file import list_pictures, one_large, picture_size
from yolo_v4.errors import DataError


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content))


def test_the_size_is_width_and_height(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    assert picture_size(tmp_path / "a.jpg") == (64, 48)


@pytest.mark.parametrize("side", [20_000, 40_000])
def test_a_picture_of_a_billion_pixels_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_header(side, side))
    with pytest.raises(DataError, match=r"bomb\.png"):
        picture_size(tmp_path / "bomb.png")


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jpg is not a picture"):
        picture_size(tmp_path / "a.jpg")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no picture at .*a\.jpg"):
        picture_size(tmp_path / "a.jpg")


def test_shadows_that_macos_adds_are_no_pictures(tmp_path: Path) -> None:
    for name in ("a.png", "._a.png", ".b.png"):
        (tmp_path / name).touch()
    assert [path.name for path in list_pictures(tmp_path, ".png", remedy="")] == [".b.png", "a.png"]


def test_of_large_pictures_one_is_worked_on_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = tmp_path / "large.png", tmp_path / "small.png"
    Image.new("RGB", (9, 9)).save(large)
    Image.new("RGB", (8, 8)).save(small)
    monkeypatch.setattr(picture_file, "LARGE_PX", 64)
    entered = threading.Event()

    def work() -> None:
        with one_large(large):
            entered.set()

    other = threading.Thread(target=work)
    with one_large(large), one_large(small):
        other.start()
        assert not entered.wait(0.1)
    other.join(30)
    assert entered.is_set()
