import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from harness.data.pictures import (
    COMPLETED,
    CONVERTED,
    TURNED,
    orientation,
    picture_problem,
    picture_size,
    tell_changes,
    upright_jpeg,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
# Which corner of the stored pixels is shown at the upper left and at the upper right, by EXIF orientation.
# Source: EXIF 2.3, table of tag 274: where the 0th row and the 0th column lie in the picture as it is seen.
SHOWN = {
    1: ("upper left", "upper right"),
    2: ("upper right", "upper left"),
    3: ("lower right", "lower left"),
    4: ("lower left", "lower right"),
    5: ("upper left", "lower left"),
    6: ("lower left", "upper left"),
    7: ("lower right", "upper right"),
    8: ("upper right", "lower right"),
}
CORNERS = {"upper left": RED, "upper right": GREEN, "lower left": BLUE, "lower right": WHITE}


def encoded(picture, kind="JPEG", **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def corners(value=None, kind="JPEG"):
    """A picture of 64x32 with a colour in each quarter, and that EXIF orientation."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:16, :32], pixels[:16, 32:], pixels[16:, :32], pixels[16:, 32:] = CORNERS.values()
    exif = Image.Exif()
    if value is not None:
        exif[0x0112] = value
    return encoded(Image.fromarray(pixels), kind, exif=exif)


def noise(**options):
    pixels = np.random.default_rng(7).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), **options)


def decoded(content):
    return Image.open(io.BytesIO(content))


def resized_header(content, width, height):
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def billion_pixel_png():
    body = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 25_000, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 9) + b"IDAT" + bytes(9)


@pytest.mark.parametrize("value", SHOWN)
def test_every_exif_orientation_is_applied_once_and_gone_afterwards(value):
    content, done = upright_jpeg(corners(value))

    picture = decoded(content)
    width, height = picture.size
    assert (width, height) == ((64, 32) if value <= 4 else (32, 64))
    for place, corner in zip(((4, 4), (width - 5, 4)), SHOWN[value], strict=True):
        assert np.abs(np.subtract(picture.getpixel(place), CORNERS[corner])).max() < 20, corner
    assert orientation(picture) == 1
    assert done == ("" if value == 1 else TURNED)
    assert upright_jpeg(content) == (content, "")


def test_an_upright_jpeg_keeps_its_bytes():
    for content in (corners(), corners(1), noise(), noise(progressive=True), noise() + b"maker's notes"):
        assert upright_jpeg(content) == (content, "")


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(value):
    assert upright_jpeg(corners(value)) == (corners(value), "")


def test_damaged_exif_data_beside_an_orientation_do_not_keep_it_from_being_applied():
    # Orientation 6, and a block whose place lies beyond the end.
    entries = struct.pack("<HHIIHHII", 0x0112, 3, 1, 6, 0x8769, 4, 1, 0xFFFF)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    content, done = upright_jpeg(encoded(Image.new("RGB", (64, 32)), exif=exif))

    assert (decoded(content).size, done) == ((32, 64), TURNED)
    cut = encoded(Image.new("RGB", (64, 32)), exif=b"Exif\0\0II*\0")
    assert upright_jpeg(cut) == (cut, "")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "TIFF", "PPM"])
def test_other_formats_become_jpeg_of_the_same_look(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    original = Image.linear_gradient("L").resize((64, 48)).convert("RGB")

    content, done = upright_jpeg(encoded(original, kind, **options))

    assert done == CONVERTED.format(kind)
    assert decoded(content).format == "JPEG"
    assert np.abs(np.subtract(decoded(content), original, dtype=int)).max() <= 4


def test_sixteen_bits_are_scaled_not_clamped():
    content, _ = upright_jpeg(encoded(Image.fromarray(np.full((16, 16), 128 * 257, np.uint16)), "PNG"))

    assert abs(decoded(content).getpixel((8, 8)) - 128) <= 1


def test_a_turned_png_is_turned_too():
    content, _ = upright_jpeg(corners(6, "PNG"))

    assert decoded(content).size == (32, 64)


def test_a_jpeg_that_lacks_only_its_end_marker_is_completed():
    whole = noise()

    content, done = upright_jpeg(whole[:-2])

    assert (content, done) == (whole, COMPLETED)


@pytest.mark.parametrize("missing", [3, 5, 40, 400])
def test_a_jpeg_that_lacks_pixels_is_damaged(missing):
    cut = noise()[:-missing]

    assert upright_jpeg(cut) == (cut, "")
    assert picture_problem(cut).startswith("damaged: ")


def test_of_a_progressive_jpeg_without_its_end_nobody_can_tell():
    cut = noise(progressive=True)[:-2]

    assert upright_jpeg(cut) == (cut, "")
    assert picture_problem(cut) != ""


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (billion_pixel_png(), "1000000000"),
        (resized_header(noise(), 40_000, 25_000), "1000000000"),
        (resized_header(noise(), 12_000, 9_000), "108000000"),
    ],
)
def test_a_picture_of_a_billion_pixels_is_told_and_not_decoded(content, pixels):
    assert upright_jpeg(content) == (content, "")
    assert f"{pixels} pixels, of which 100000000 at most are decoded" in picture_problem(content)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_keeps_its_bytes_and_is_told(content):
    assert upright_jpeg(content) == (content, "")
    assert picture_problem(content) != ""
    assert picture_size(content) == (0, 0)


def test_the_size_is_that_of_the_upright_picture():
    assert picture_size(corners(6)) == (32, 64)
    assert picture_size(corners(3)) == (64, 32)


def test_one_side_may_be_declared_alone():
    assert picture_problem(noise(), width_px=64) == ""
    assert picture_problem(noise(), width_px=65) == "64x48"


def test_changes_are_told_by_kind_with_their_number():
    said = []

    tell_changes(["", TURNED, CONVERTED.format("PNG"), TURNED], said.append)

    assert said == [
        "1 of 4 pictures converted from PNG to JPEG",
        "2 of 4 pictures turned upright, as their EXIF orientation says",
    ]
