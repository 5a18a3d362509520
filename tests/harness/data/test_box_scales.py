"""Sizes are worked out by hand: pictures of 100 x 200 on 352 x 288 are 3.52 times as wide, 1.44 as high."""

import pytest
from PIL import Image

from harness.data.box_scales import BoxSize, divide, scale_of, usual_anchors

SMALL = "car 0 0 0 5 5 15 25 0 0 0 0 0 0 0"  # 10 x 20, which is 35.2 x 28.8
MID = "bus 0 0 0 0 0 20 40 0 0 0 0 0 0 0"  # 20 x 40, which is 70.4 x 57.6
BIG = "bus 0 0 0 20 20 70 120 0 0 0 0 0 0 0"  # 50 x 100, which is 176 x 144


@pytest.fixture
def train(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / "train" / folder).mkdir(parents=True)
    for stem, lines in {"a": [SMALL, BIG], "b": [MID, SMALL], "c": []}.items():
        Image.new("RGB", (100, 200)).save(tmp_path / "train" / "images" / f"{stem}.jpg")
        (tmp_path / "train" / "labels" / f"{stem}.txt").write_text("".join(f"{line}\n" for line in lines))
    return tmp_path / "train"


@pytest.mark.parametrize(
    ("width_px", "height_px", "scale"),
    [
        (8, 8, "small"),
        (47, 48, "small"),
        (48, 48, "mid"),
        (36, 64, "mid"),
        (96, 96, "big"),
        (300, 200, "big"),
    ],
)
def test_a_box_belongs_to_the_finest_grid_of_which_it_is_less_than_six_cells_long(width_px, height_px, scale):
    assert scale_of(BoxSize(width_px, height_px)) == scale


def test_every_scale_has_its_lines_and_every_file(train, tmp_path):
    boxes = divide(train, tmp_path / "by-scale", (352, 288))

    texts = {
        scale: [path.read_text() for path in sorted((tmp_path / "by-scale" / scale).iterdir())]
        for scale in ("small", "mid", "big")
    }
    assert texts == {
        "small": [f"{SMALL}\n", f"{SMALL}\n", ""],
        "mid": ["", f"{MID}\n", ""],
        "big": [f"{BIG}\n", "", ""],
    }
    assert boxes["mid"] == [pytest.approx((70.4, 57.6))]
    assert boxes["small"] == [pytest.approx((35.2, 28.8))] * 2


def test_anchors_without_boxes_have_the_lengths_of_their_grid_and_the_shape_of_the_others():
    anchors = usual_anchors("mid", 3, [BoxSize(20, 5), BoxSize(40, 10), BoxSize(60, 15)])

    # Of 48, 64 and 80 pixels by the square root of their area, four times as wide as high.
    assert anchors == [pytest.approx((96, 24)), pytest.approx((128, 32)), pytest.approx((160, 40))]
