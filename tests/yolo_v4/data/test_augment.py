"""Training tiles: what lies on them stays in its box, whatever is done to the picture."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo_v4.data.augment import NUMBERS, jitter_window, make_tiles, move_boxes
from yolo_v4.data.letterbox import LUMA, letterbox
from yolo_v4.data.mosaic import Draws
from yolo_v4.data.pictures import Page, padded
from yolo_v4.data.sampling import sample, sampling_tables
from yolo_v4.spec.experiment import Augmentation

NONE = np.zeros((0, 4), dtype=np.float32)


class Tile(NamedTuple):
    pixels: torch.Tensor  # [C, H, W]
    boxes: np.ndarray  # [N, 4] pixels of the tile
    kept: np.ndarray  # bool: which of the boxes given


def random_tile(
    picture: torch.Tensor,
    boxes: np.ndarray,
    width: int,
    height: int,
    spec: Augmentation,
    random: np.random.Generator,
) -> Tile:
    """One picture on a training input of its own."""
    size, zero, numbers = (width, height), np.zeros(1, dtype=np.int64), random.random((1, NUMBERS))
    draws = Draws(sample=zero, quarter=zero, frame=zero, split=np.array([size]), numbers=numbers)
    pixels = torch.cat((padded(picture).flatten(1), torch.zeros(3, 1, dtype=torch.uint8)), dim=1)
    page = Page(pixels, first=zero, sizes=np.array([[picture.shape[2], picture.shape[1]]]))
    tiles = make_tiles(numbers, draws.areas(size), page.sizes, spec)
    found = sample(pixels, sampling_tables(draws, tiles, page, spec, size))[0]
    return Tile(found, *move_boxes(boxes, np.zeros(len(boxes), dtype=np.int64), tiles))


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_without_variation_a_picture_becomes_its_validation_input(
    augmentation: Callable[..., Augmentation],
) -> None:
    spec, picture = augmentation(width=96, height=64), noise(3, 64, 96)

    tile = random_tile(picture, NONE, 96, 64, spec, np.random.default_rng(0))

    torch.testing.assert_close(tile.pixels, letterbox(picture, spec)[0], atol=1e-3, rtol=0)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    size=st.tuples(st.integers(40, 200), st.integers(40, 200)),
    tile_size=st.tuples(st.integers(32, 128), st.integers(32, 128)),
)
def test_a_bright_object_stays_inside_its_box(
    augmentation: Callable[..., Augmentation], seed: int, size: tuple[int, int], tile_size: tuple[int, int]
) -> None:
    (width, height), (tile_width, tile_height) = size, tile_size
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    x1, y1, x2, y2 = width // 4, height // 3, width // 2, height // 2 + 4
    picture[:, y1:y2, x1:x2] = 255
    boxes = np.array([[x1, y1, x2, y2]], dtype=np.float32)
    spec = augmentation(jitter=0.3, horizontal_flip=0.5, vertical_flip=0.5, mean=(0.0, 0.0, 0.0))

    tile = random_tile(picture, boxes, tile_width, tile_height, spec, np.random.default_rng(seed))

    rows, columns = np.nonzero(tile.pixels[0].numpy() > 160)
    if len(tile.boxes) == 0:
        assert len(rows) == 0
    elif len(rows):
        found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        # Half a pixel of the coarser of picture and tile is lost or won at an edge.
        slack = 1.5 + np.array(
            [tile_width / width, tile_height / height, tile_width / width, tile_height / height]
        )
        assert np.all(np.abs(found - tile.boxes[0]) <= slack)


@pytest.mark.parametrize(
    ("flip", "axis", "mirrored"),
    [("horizontal_flip", 2, [44, 8, 60, 40]), ("vertical_flip", 1, [4, 24, 20, 56])],
)
def test_a_flip_mirrors_picture_and_boxes(
    augmentation: Callable[..., Augmentation], flip: str, axis: int, mirrored: list[int]
) -> None:
    picture, boxes = noise(3, 64, 64), np.array([[4, 8, 20, 40]], dtype=np.float32)
    spec = augmentation(**{flip: 1.0})

    tile = random_tile(picture, boxes, 64, 64, spec, np.random.default_rng(0))

    torch.testing.assert_close(tile.pixels, letterbox(picture.flip(axis), spec)[0], atol=1e-3, rtol=0)
    assert tile.boxes.tolist() == [mirrored]


def test_grey_stays_grey_under_hue_and_saturation(augmentation: Callable[..., Augmentation]) -> None:
    picture = noise(1, 64, 64).expand(3, -1, -1)
    spec = augmentation(hue=0.5, saturation=2.0, mean=(0.0, 0.0, 0.0))

    tile = random_tile(picture, NONE, 64, 64, spec, np.random.default_rng(3))

    torch.testing.assert_close(tile.pixels, picture.float(), atol=0.01, rtol=0)


def test_hue_moves_colours_and_keeps_their_luma(augmentation: Callable[..., Augmentation]) -> None:
    picture = (noise(3, 64, 64).float() * 0.2 + 100).to(
        torch.uint8
    )  # far from 0 and 255, so nothing is clipped
    spec = augmentation(hue=0.5, mean=(0.0, 0.0, 0.0))

    tile = random_tile(picture, NONE, 64, 64, spec, np.random.default_rng(2))

    rgb, luma = tile.pixels.flip(0), torch.tensor(LUMA)
    torch.testing.assert_close(
        torch.tensordot(luma, rgb, dims=1), torch.tensordot(luma, picture.float(), dims=1), atol=0.01, rtol=0
    )
    assert (rgb - picture.float()).abs().mean() > 1


def test_saturation_multiplies_the_distance_from_grey_within_its_factor(
    augmentation: Callable[..., Augmentation],
) -> None:
    picture = torch.tensor((110, 100, 90), dtype=torch.uint8)[:, None, None].expand(-1, 64, 64)
    spec = augmentation(saturation=2.0, mean=(0.0, 0.0, 0.0))
    factors = []
    for seed in range(40):
        blue, _, red = random_tile(picture, NONE, 64, 64, spec, np.random.default_rng(seed)).pixels.mean(
            dim=(1, 2)
        )
        factors.append(float(red - blue) / 20)

    assert 0.5 <= min(factors) < 0.7
    assert 1.6 < max(factors) <= 2.0


def test_exposure_multiplies_brightness_within_its_factor(augmentation: Callable[..., Augmentation]) -> None:
    picture = torch.full((3, 64, 64), 100, dtype=torch.uint8)
    spec = augmentation(exposure=1.5, mean=(0.0, 0.0, 0.0))

    seen = [
        float(random_tile(picture, NONE, 64, 64, spec, np.random.default_rng(seed)).pixels.mean())
        for seed in range(40)
    ]

    assert 100 / 1.5 <= min(seen) < 80
    assert 125 < max(seen) <= 150


def test_padding_has_the_mean_colour_of_the_picture(augmentation: Callable[..., Augmentation]) -> None:
    picture = torch.full((3, 32, 64), 90, dtype=torch.uint8)
    spec = augmentation(mean=(0.0, 0.0, 0.0))

    tile = random_tile(picture, NONE, 64, 64, spec, np.random.default_rng(0))

    assert tile.pixels.unique().tolist() == pytest.approx([90], abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 4), (1, 40)])
def test_of_a_picture_of_a_few_pixels_there_is_always_something_to_see(
    augmentation: Callable[..., Augmentation], size: tuple[int, int]
) -> None:
    picture, spec = torch.full((3, *size), 90, dtype=torch.uint8), augmentation(jitter=1.0)

    for seed in range(200):
        tile = random_tile(picture, NONE, 64, 32, spec, np.random.default_rng(seed))
        assert tile.pixels.shape == (3, 32, 64)
        assert tile.pixels.isfinite().all()


@pytest.mark.parametrize(("width", "height"), [(352, 288), (640, 360), (200, 300)])
def test_without_jitter_the_window_is_the_least_one_of_the_tiles_aspect(width: int, height: int) -> None:
    start, end = jitter_window(np.array([[width, height]]), np.array([352 / 288]), 0.0, np.zeros((1, 4)))
    (left, top), (right, bottom) = start[0], end[0]

    assert left <= 0
    assert top <= 0
    assert right >= width
    assert bottom >= height
    assert (right - left) / (bottom - top) == pytest.approx(352 / 288, rel=0.01)
    assert (right - left, bottom - top) == pytest.approx(
        (max(width, height * 352 / 288), max(height, width * 288 / 352)), abs=1
    )


def test_objects_that_are_cropped_away_are_dropped_and_named(
    augmentation: Callable[..., Augmentation],
) -> None:
    boxes = np.array([[0, 0, 2, 2], [20, 20, 40, 40]], dtype=np.float32)
    spec = augmentation(jitter=0.3)

    for seed in range(50):
        tile = random_tile(noise(3, 64, 64), boxes, 64, 64, spec, np.random.default_rng(seed))
        assert len(tile.boxes) == tile.kept.sum()
        assert tile.kept[1]
        if not tile.kept[0]:
            return
    pytest.fail("no crop in 50 tries")
