import base64
import io

import pytest
from PIL import Image

from harness.report.overview.accuracy import FrameScore
from harness.report.overview.pictures import Picture, pictures_of

NONE = Picture(width_px=0, height_px=0, address="")
FRAME = FrameScore(name="a.1", boxes=())


def shown(picture):
    head, _, body = picture.address.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(body)))


def test_a_frame_of_the_size_of_jamcams_keeps_its_size(tmp_path):
    Image.new("RGB", (352, 288), (10, 200, 30)).save(tmp_path / "a.1.jpg")
    (picture,) = pictures_of([FRAME], tmp_path)
    assert (picture.width_px, picture.height_px) == shown(picture).size == (352, 288)


def test_a_large_picture_is_made_small_and_its_boxes_stay_in_its_own_pixels(tmp_path):
    Image.new("L", (1920, 1080)).save(tmp_path / "a.1.png")
    (picture,) = pictures_of([FRAME], tmp_path)
    assert (picture.width_px, picture.height_px) == (1920, 1080)
    assert shown(picture).size == (480, 270)


@pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff\xe0" + b"x" * 50])
def test_what_is_no_picture_is_left_out(tmp_path, content):
    (tmp_path / "a.1.jpg").write_bytes(content)
    assert pictures_of([FRAME], tmp_path) == (NONE,)


def test_a_picture_that_is_gone_is_left_out(tmp_path):
    assert pictures_of([FRAME], tmp_path / "nowhere") == (NONE,)


def test_the_same_picture_gives_the_same_bytes(tmp_path):
    Image.effect_noise((352, 288), 60).save(tmp_path / "a.1.png")
    assert pictures_of([FRAME], tmp_path) == pictures_of([FRAME], tmp_path)
    assert len(pictures_of([FRAME], tmp_path)[0].address) < 100_000
