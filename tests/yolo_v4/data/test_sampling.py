"""The batch that is sampled at once, against training inputs made one after another."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from tests.yolo_v4.data.plain_sampling import Sample, random_sample
from yolo_v4.data.frames import Frame, Objects
from yolo_v4.data.pictures import PictureCache, read_picture
from yolo_v4.data.samples import plan
from yolo_v4.data.sampling import sample
from yolo_v4.data.targets import TrueBoxes
from yolo_v4.spec.experiment import Augmentation

STRONG = {
    "hue": 0.2,
    "saturation": 1.5,
    "exposure": 1.5,
    "vertical_flip": 0.3,
    "horizontal_flip": 0.5,
    "jitter": 0.3,
    "mosaic_prob": 0.5,
}


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    """Frames of several sizes, from a pixel to larger than the training input, with up to nine objects."""
    folder, random = tmp_path_factory.mktemp("frames"), np.random.default_rng(5)
    made = []
    for number, size in enumerate([(96, 64), (200, 90), (31, 77), (1, 1), (3, 40), (96, 64), (130, 260)]):
        picture = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize(size)
        picture.save(folder / f"{number}.png")
        corners = np.sort(random.random((number + 3, 2, 2)), axis=1) * size
        boxes = corners.reshape(-1, 4).astype(np.float32)
        classes, difficult = random.integers(0, 3, len(boxes)), np.zeros(len(boxes), dtype=bool)
        made.append(Frame(image=folder / f"{number}.png", boxes=boxes, classes=classes, difficult=difficult))
    return made


def both(
    frames: list[Frame], spec: Augmentation, size: tuple[int, int], *, exact: bool, limit_bytes: int = 10**8
) -> tuple[torch.Tensor, TrueBoxes, list[Sample]]:
    """Twenty-one training inputs at once, and plainly; `exact` without rounding to bytes in between."""
    members = [number % len(frames) for number in range(21)]
    cache = PictureCache([frame.image for frame in frames], limit_bytes=limit_bytes)
    generators = [np.random.default_rng((3, place)) for place in range(len(members))]
    page, tables, true = plan(members, generators, Objects(frames), cache, spec=spec, size=size)
    pictures = [read_picture(frame.image) for frame in frames]
    if exact:
        pictures = [picture.float() for picture in pictures]
    plain = [
        random_sample(member, frames, pictures, spec, size, np.random.default_rng((3, place)))
        for place, member in enumerate(members)
    ]
    return sample(page.pixels, tables), true, plain


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("limit_bytes", [10**8, 60_000, 0])
def test_all_tiles_at_once_are_the_tiles_one_after_another(
    frames: list[Frame], augmentation: Callable[..., Augmentation], channels: int, limit_bytes: int
) -> None:
    mean = (10.0, 20.0, 30.0)[:channels]
    spec = augmentation(**STRONG, channels=channels, mean=mean)
    pixels, true, plain = both(frames, spec, (96, 64), exact=True, limit_bytes=limit_bytes)

    torch.testing.assert_close(pixels, torch.stack([one.pixels for one in plain]), atol=0.02, rtol=0)
    expected = TrueBoxes.of([one.boxes for one in plain], [one.classes for one in plain])
    for found, part in zip(true, expected, strict=True):
        np.testing.assert_array_equal(found, part)


def test_rounding_to_bytes_in_between_moves_no_pixel_by_more_than_its_rounding(
    frames: list[Frame], augmentation: Callable[..., Augmentation]
) -> None:
    spec = augmentation(**STRONG)
    pixels, _, plain = both(frames, spec, (64, 96), exact=False)

    # A step of a byte for each of two passes, times the largest factor of the colours.
    far = (pixels - torch.stack([one.pixels for one in plain])).abs()
    assert far.max() < 2 * 1.5 * 1.5 * 2
    assert far.mean() < 0.5
