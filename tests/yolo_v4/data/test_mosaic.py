"""Mosaics: four pictures, each with its objects in its own quarter."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from yolo_v4.data.frames import Frame
from yolo_v4.data.mosaic import Sample, random_sample
from yolo_v4.data.pictures import PictureCache
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


def draw(frames: list[Frame], spec: Augmentation, seed: int) -> Sample:
    pictures = PictureCache([frame.image for frame in frames])
    return random_sample(2, frames, pictures, spec, SIZE, np.random.default_rng(seed))


def test_without_mosaic_a_sample_is_its_frame(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    sample = draw(frames, augmentation(mean=(0.0, 0.0, 0.0)), seed=0)

    assert sample.pixels.unique().tolist() == pytest.approx([120], abs=0.01)
    assert sample.classes.tolist() == [2]
    assert sample.boxes.tolist() == [[0.25, 0.25, 0.75, 0.75]]


def test_every_object_of_a_mosaic_lies_on_its_own_picture(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0, mean=(0.0, 0.0, 0.0))

    for seed in range(20):
        sample = draw(frames, spec, seed)
        assert len(sample.classes) == 4
        assert sample.classes[0] == 2  # the frame itself is top left
        for box, number in zip(sample.boxes * np.tile(SIZE, 2), sample.classes, strict=True):
            x1, y1, x2, y2 = np.rint(box).astype(int)
            assert sample.pixels[0, y1:y2, x1:x2].unique().tolist() == pytest.approx(
                [40 * (number + 1)], abs=0.01
            )


def test_no_part_of_a_mosaic_is_narrower_than_its_least_share(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(mosaic_prob=1.0, mosaic_min_ratio=0.4, mean=(0.0, 0.0, 0.0))
    shares = []
    for seed in range(40):
        pixels = draw(frames, spec, seed).pixels[0]
        shares.append(float((pixels[0] == pixels[0, 0]).float().mean()))
        shares.append(float((pixels[:, 0] == pixels[0, 0]).float().mean()))

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


def test_a_mosaic_by_crop_has_no_grey_and_whole_objects_of_their_own_size(
    frames: list[Frame],
    augmentation: Callable[..., Augmentation],
) -> None:
    spec = augmentation(mosaic_prob=1.0, mean=(0.0, 0.0, 0.0), jitter=0.3)
    crop = MosaicCrop(min_scale=1.0, max_scale=1.0)
    extension = Extension(mosaic_crop=crop, min_visible=0.999)
    pictures = PictureCache([frame.image for frame in frames])

    kept = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        sample = random_sample(2, frames, pictures, spec, SIZE, random, extension)
        # Plain pictures: without padding and interpolated edges there are at most four colours.
        assert len(sample.pixels[0].round().unique()) <= 4
        sizes = (sample.boxes[:, 2:] - sample.boxes[:, :2]) * SIZE
        assert (
            np.abs(sizes - (48, 32)).max(initial=0) < 0.6
        )  # as in the frames, which are as large as the canvas
        kept += len(sizes)
    assert kept > 10


def test_without_mosaic_the_crop_changes_nothing(
    frames: list[Frame],
    augmentation: Callable[..., Augmentation],
) -> None:
    spec = augmentation(jitter=0.3, horizontal_flip=0.5)
    pictures = PictureCache([frame.image for frame in frames])
    extension = Extension(mosaic_crop=MosaicCrop(min_scale=1.0, max_scale=1.0))

    one, other = (
        random_sample(2, frames, pictures, spec, SIZE, np.random.default_rng(5), each)
        for each in (Extension(), extension)
    )

    torch.testing.assert_close(one.pixels, other.pixels, rtol=0, atol=0)
    np.testing.assert_array_equal(one.boxes, other.boxes)
