"""Tiles that are cut from frames without padding, and boxes of which little is left."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from yolo_v4.data.augment import Window, clip_boxes, random_tile
from yolo_v4.data.crop import crop_window
from yolo_v4.spec.experiment import Augmentation, MosaicCrop

CANVAS = (352, 288)


def window(picture, tile, crop, seed=0):
    return crop_window(picture, tile, CANVAS, crop, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("picture", "tile", "scale", "expected_wh"),
    [
        ((352, 240), (176, 144), 1.0, (176, 144)),  # as wide as the canvas: pixel for pixel
        ((352, 240), (176, 144), 2.0, (88, 72)),
        ((640, 360), (176, 144), 1.0, (320, 262)),  # 352 / 640 = 0.55; 144 / 0.55 = 261.8
        ((640, 360), (176, 144), 0.5, (440, 360)),  # 0.275 would show 524 lines, and there are 360: 0.4
        ((352, 240), (280, 230), 0.7, (292, 240)),  # raised to 230 / 240 to fill the tile
    ],
)
def test_a_window_is_as_large_as_its_scale_says(picture, tile, scale, expected_wh) -> None:
    one = window(picture, tile, MosaicCrop(min_scale=scale, max_scale=scale))

    assert (one.right - one.left, one.bottom - one.top) == expected_wh


def test_windows_lie_everywhere_inside_the_picture_and_scales_between_the_two() -> None:
    crop = MosaicCrop(min_scale=0.8, max_scale=1.25)
    windows = [window((352, 240), (176, 120), crop, seed) for seed in range(400)]

    assert min(one.left for one in windows) == 0
    assert max(one.right for one in windows) == 352
    assert min(one.top for one in windows) == 0
    assert max(one.bottom for one in windows) == 240
    scales = np.array([176 / (one.right - one.left) for one in windows])
    assert 0.8 - 0.01 < scales.min() < 0.82
    assert 1.22 < scales.max() < 1.25 + 0.01
    assert np.mean(scales < 1) == pytest.approx(0.5, abs=0.1)


def test_a_box_is_dropped_when_too_little_of_it_is_left() -> None:
    # On a tile of 100 x 100: all of it, a half, a fifth, and 30 of 100 pixels in both directions: 9 %.
    boxes = np.array(
        [[10, 10, 20, 20], [90, 10, 110, 20], [96, 10, 116, 20], [70, 70, 170, 170]], dtype=np.float32
    )

    kept = {share: clip_boxes(boxes, 100, 100, min_visible=share)[1].tolist() for share in (0, 0.1, 0.2, 0.3)}

    assert kept == {
        0: [True, True, True, True],
        0.1: [True, True, True, False],
        0.2: [True, True, True, False],
        0.3: [True, True, False, False],
    }


def test_a_window_that_is_given_is_what_a_tile_shows(augmentation: Callable[..., Augmentation]) -> None:
    picture = torch.zeros(3, 60, 80, dtype=torch.uint8)
    picture[:, 10:40, 20:60] = 200
    spec = augmentation(mean=(0.0, 0.0, 0.0), jitter=0.3)
    boxes = np.array([[30, 20, 40, 30]], dtype=np.float32)
    random = np.random.default_rng(0)

    tile = random_tile(picture, boxes, 80, 60, spec, random, window=Window(20, 10, 60, 40))

    assert tile.pixels.unique().tolist() == pytest.approx([200], abs=0.01)
    assert tile.boxes.tolist() == [[20, 20, 40, 40]]
