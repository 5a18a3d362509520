"""Tiles that are cut from frames without padding, and boxes of which little is left."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from yolo_v4.data.augment import NUMBERS, clip_boxes, make_tiles
from yolo_v4.data.crop import crop_windows, objects_to_show
from yolo_v4.data.frames import Frame, Objects
from yolo_v4.spec.experiment import Augmentation, MosaicCrop

INPUT = np.array((352, 288))


def windows(picture, tile, crop, numbers, shown=(np.nan, np.nan)):
    """Windows of one picture and tile, one for each row of random numbers; `shown`: over an object."""
    sizes, areas, objects = (np.tile(one, (len(numbers), 1)) for one in (picture, tile, shown))
    return crop_windows(sizes, areas, INPUT, crop, np.array(numbers), objects)


@pytest.mark.parametrize(
    ("picture", "tile", "scale", "expected_wh"),
    [
        ((352, 240), (176, 144), 1.0, (176, 144)),  # as wide as the input: pixel for pixel
        ((352, 240), (176, 144), 2.0, (88, 72)),
        ((640, 360), (176, 144), 1.0, (320, 262)),  # 352 / 640 = 0.55; 144 / 0.55 = 261.8
        ((640, 360), (176, 144), 0.5, (440, 360)),  # 0.275 would show 524 lines, and there are 360: 0.4
        ((352, 240), (280, 230), 0.7, (292, 240)),  # raised to 230 / 240 to fill the tile
    ],
)
def test_a_window_is_as_large_as_its_scale_says(picture, tile, scale, expected_wh) -> None:
    crop = MosaicCrop(min_scale=scale, max_scale=scale)

    start, end = windows(picture, tile, crop, [(0.3, 0.6, 0.6)])

    assert tuple(end[0] - start[0]) == expected_wh


def test_the_numbers_say_scale_and_place() -> None:
    crop = MosaicCrop(min_scale=0.8, max_scale=1.25)
    last = 1 - 1e-9

    start, end = windows((352, 240), (176, 120), crop, [(0, 0, 0), (0.5, last, 0.5), (last, 0, last)])

    # Scales 0.8, 1 in the middle of a logarithmic axis, 1.25; from the first place to the last.
    assert (end - start).tolist() == [[220, 150], [176, 120], [141, 96]]
    assert start.tolist() == [[0, 0], [176, 60], [0, 144]]


@pytest.mark.parametrize(
    ("centre", "first", "last"),
    [
        # Windows of 88 x 72, with 15 to 85 % of them before the object.
        ((100.0, 80.0), (87, 69), (25, 19)),  # 100 - 13.2, 80 - 10.8; 100 - 74.8, 80 - 61.2
        ((5.0, 238.0), (0, 168), (0, 168)),  # never beyond the picture of 352 x 240
    ],
)
def test_a_window_that_is_to_show_an_object_has_its_centre_inside(centre, first, last) -> None:
    crop = MosaicCrop(min_scale=2.0, max_scale=2.0, object_share=1.0)

    start, end = windows((352, 240), (176, 144), crop, [(0, 0, 0), (0, 1, 1)], shown=centre)

    assert [tuple(one) for one in start] == [first, last]
    assert (end - start).tolist() == [[88, 72]] * 2


def test_the_share_says_how_many_tiles_show_an_object() -> None:
    frame = Frame(
        image=Path("a.jpg"),
        boxes=np.array([[10, 20, 30, 60]], dtype=np.float32),
        classes=np.zeros(1, dtype=np.int64),
        difficult=np.zeros(1, dtype=bool),
    )
    numbers = np.array([(0, 0, 0, 0.74), (0, 0, 0, 0.76)])
    crop = MosaicCrop(min_scale=1.0, max_scale=2.0, object_share=0.75)

    found = objects_to_show(Objects([frame]), np.zeros(2, dtype=np.int64), crop, numbers)

    assert found[0].tolist() == [20.0, 40.0]
    assert np.isnan(found[1]).all()


def test_only_tiles_of_a_mosaic_are_cut(augmentation: Callable[..., Augmentation]) -> None:
    areas = np.array([(0, 0, 352, 288), (0, 0, 100, 288), (100, 0, 352, 90)])
    pictures = np.tile((352, 240), (3, 1))
    numbers = np.random.default_rng(1).random((3, NUMBERS))
    spec = augmentation(jitter=0.2)

    usual = make_tiles(numbers, areas, pictures, spec)
    cut = make_tiles(numbers, areas, pictures, spec, crop=MosaicCrop(min_scale=1.0, max_scale=1.0))

    for name in ("picture_start", "picture_end", "tile_start", "tile_end"):
        assert getattr(cut, name)[0].tolist() == getattr(usual, name)[0].tolist()
    assert cut.tile_start[1:].tolist() == [[0, 0], [0, 0]]  # no padding: tiles are filled
    assert cut.tile_end[1:].tolist() == [[100, 288], [252, 90]]
    # The first one cannot be 288 high at scale 1 of a picture of 240 lines.
    assert (cut.picture_end - cut.picture_start)[1:].tolist() == [[83, 240], [252, 90]]


def test_a_box_is_dropped_when_too_little_of_it_is_left() -> None:
    # On a tile of 100 x 100: all of it, a half, a fifth, and 30 of 100 pixels in both directions: 9 %.
    boxes = np.array(
        [[10, 10, 20, 20], [90, 10, 110, 20], [96, 10, 116, 20], [70, 70, 170, 170]], dtype=np.float32
    )
    size = np.array((100, 100))

    kept = {share: clip_boxes(boxes, size, min_visible=share)[1].tolist() for share in (0, 0.1, 0.2, 0.3)}

    assert kept == {
        0: [True, True, True, True],
        0.1: [True, True, True, False],
        0.2: [True, True, True, False],
        0.3: [True, True, False, False],
    }
