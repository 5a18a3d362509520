"""Mosaics: four pictures, each with its objects in its own quarter."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from yolo_v4.data.frames import Frame, Objects
from yolo_v4.data.pictures import PictureCache
from yolo_v4.data.samples import plan
from yolo_v4.data.sampling import sample
from yolo_v4.spec.experiment import Augmentation, Extension, MosaicCrop

SIZE = (96, 64)


@pytest.fixture
def frames(tmp_path: Path) -> list[Frame]:
    """Plain pictures of brightness 40, 80, 120, ..., each with one object of its own class in the middle."""
    made = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        Image.new("L", SIZE, 40 * (number + 1)).save(path)
        boxes, difficult = np.array([[24, 16, 72, 48]], dtype=np.float32), np.zeros(1, dtype=bool)
        classes = np.array([number])
        made.append(Frame(image=path, boxes=boxes, classes=classes, difficult=difficult))
    return made


class Sample(NamedTuple):
    pixels: torch.Tensor  # [C, H, W]
    boxes: np.ndarray  # [N, 4] shares of width and height
    classes: np.ndarray  # [N]


def draw(frames: list[Frame], spec: Augmentation, seed: int, extension: Extension | None = None) -> Sample:
    pictures = PictureCache([frame.image for frame in frames])
    random = np.random.default_rng(seed)
    page, tables, true = plan(
        *([2], [random], Objects(frames), pictures),
        spec=spec,
        size=SIZE,
        extension=extension or Extension(),
    )
    return Sample(sample(page.pixels, tables)[0], true.boxes, true.classes)


def test_without_mosaic_a_sample_is_its_frame(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    found = draw(frames, augmentation(mean=(0.0, 0.0, 0.0)), seed=0)

    assert found.pixels.unique().tolist() == pytest.approx([120], abs=0.01)
    assert found.classes.tolist() == [2]
    assert found.boxes.tolist() == [[0.25, 0.25, 0.75, 0.75]]


def test_every_object_of_a_mosaic_lies_on_its_own_picture(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0, mean=(0.0, 0.0, 0.0))

    for seed in range(20):
        found = draw(frames, spec, seed)
        assert len(found.classes) == 4
        assert found.classes[0] == 2  # the frame itself is top left
        for box, number in zip(found.boxes * np.tile(SIZE, 2), found.classes, strict=True):
            x1, y1, x2, y2 = np.rint(box).astype(int)
            assert found.pixels[0, y1:y2, x1:x2].unique().tolist() == pytest.approx(
                [40 * (number + 1)], abs=0.01
            )


def test_no_part_of_a_mosaic_is_narrower_than_its_least_share(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0, mosaic_min_ratio=0.4, mean=(0.0, 0.0, 0.0))
    shares = []
    for seed in range(40):
        pixels = draw(frames, spec, seed).pixels[0]
        is_first = (pixels - pixels[0, 0]).abs() < 0.01
        shares.append(float(is_first[0].float().mean()))
        shares.append(float(is_first[:, 0].float().mean()))

    whole = [share for share in shares if share < 1]  # 1: two neighbours are the same frame
    assert 0.39 <= min(whole) < 0.44
    assert 0.56 < max(whole) <= 0.61


def test_mosaic_comes_as_often_as_asked(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=0.3)

    mosaics = sum(len(draw(frames, spec, seed).classes) == 4 for seed in range(200))

    assert 40 <= mosaics <= 80


def test_the_same_generator_gives_the_same_sample(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(
        mosaic_prob=0.5, jitter=0.3, hue=0.1, saturation=1.5, exposure=1.5, horizontal_flip=0.5
    )

    first, again = draw(frames, spec, seed=7), draw(frames, spec, seed=7)

    assert first.pixels.equal(again.pixels)
    assert first.boxes.tolist() == again.boxes.tolist()


def test_every_picture_of_a_mosaic_shows_even_where_its_least_share_is_less_than_a_pixel(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0, mosaic_min_ratio=0.001)

    for seed in range(100):
        assert draw(frames, spec, seed).pixels.shape == (3, 64, 96)


def test_objects_of_a_mosaic_by_crop_are_as_large_as_alone(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0, mean=(0.0, 0.0, 0.0), jitter=0.3)
    extension = Extension(mosaic_crop=MosaicCrop(min_scale=1.0, max_scale=1.0), min_visible=0.999)
    allowed = torch.tensor([40.0, 80.0, 120.0, 160.0, 200.0, 240.0])

    kept = 0
    for seed in range(60):
        found = draw(frames, spec, seed, extension)
        # Pictures are plain, and there is nothing between their colours.
        assert (found.pixels[0].flatten()[:, None] - allowed).abs().amin(dim=1).max() < 0.01
        sizes = (found.boxes[:, 2:] - found.boxes[:, :2]) * SIZE
        # As large as in the frames, since these are as large as the input.
        assert np.abs(sizes - (48, 32)).max(initial=0) < 0.6
        kept += len(sizes)
    assert kept > 10


def test_every_tile_that_is_to_show_an_object_shows_one(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0)
    anywhere, over = (
        Extension(mosaic_crop=MosaicCrop(min_scale=4.0, max_scale=4.0, object_share=share))
        for share in (0.0, 1.0)
    )

    shown = [len(draw(frames, spec, seed, over).classes) for seed in range(40)]

    assert shown == [4] * 40
    assert min(len(draw(frames, spec, seed, anywhere).classes) for seed in range(40)) < 3


def test_without_mosaic_the_crop_changes_nothing(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(jitter=0.3, horizontal_flip=0.5)
    extension = Extension(mosaic_crop=MosaicCrop(min_scale=1.0, max_scale=1.0))

    one, other = draw(frames, spec, 5), draw(frames, spec, 5, extension)

    assert one.pixels.equal(other.pixels)
    assert one.boxes.tolist() == other.boxes.tolist()
