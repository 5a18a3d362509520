"""Decoding pictures, and the cache of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from yolo_v4.data.pictures import CPU, PictureCache, padded, read_picture, usable_memory_bytes
from yolo_v4.errors import DataError


def save(path: Path, value: int) -> Path:
    Image.new("RGB", (10, 8), (value, 2, 3)).save(path)
    return path


def test_a_picture_is_channels_first_in_the_order_red_green_blue(tmp_path: Path) -> None:
    picture = read_picture(save(tmp_path / "a.png", 1))

    assert picture.shape == (3, 8, 10)
    assert picture.dtype == torch.uint8
    assert picture[:, 0, 0].tolist() == [1, 2, 3]


def test_16_bits_a_pixel_are_read_as_8(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257, 40_092, 65_535]], dtype=np.uint16)).save(tmp_path / "deep.png")

    assert read_picture(tmp_path / "deep.png").tolist() == [[[0, 1, 156, 255]]] * 3


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:900])

    with pytest.raises(DataError, match=r"cut\.jpg cannot be decoded"):
        read_picture(path)


def reds(cache: PictureCache, *numbers: int) -> list[int]:
    """The red of the first pixel of pictures, as it lies on their page, below and right of the padding."""
    page = cache.page(np.array(numbers))
    return page.pixels[0, page.first + page.stride + 1].tolist()


def test_a_picture_is_decoded_once_while_there_is_room(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{number}.png", number) for number in range(3)]
    cache = PictureCache(paths, limit_bytes=2 * 11 * 9 * 3)
    before = reds(cache, 0, 1, 2)
    for path in paths:
        save(path, 200)

    assert before == [0, 1, 2]
    assert reds(cache, 2, 1, 0, 1) == [200, 1, 0, 1]


def test_pictures_of_any_sizes_share_a_page_that_grows(tmp_path: Path) -> None:
    sizes = [(4, 3), (40, 30), (7, 50), (4, 3), (90, 20)]
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for width, height in sizes]
    paths = [tmp_path / f"{number}.png" for number in range(len(sizes))]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    cache = PictureCache(paths, limit_bytes=10**6)

    for wanted in ([0], [1, 0], [4, 4, 2], [3, 0, 1, 2, 4]):
        page = cache.page(np.array(wanted))
        for number, first, (width, height) in zip(wanted, page.first, page.sizes.tolist(), strict=True):
            found = page.pixels[:, first : first + (width + 1) * (height + 1)].view(3, height + 1, width + 1)
            assert (width, height) == sizes[number]
            np.testing.assert_array_equal(found[:, 1:, 1:].permute(1, 2, 0).numpy(), pictures[number])


def test_padding_is_the_mean_of_every_eighth_row_and_column() -> None:
    picture = torch.zeros(3, 16, 24, dtype=torch.uint8)
    picture[0, 8, 8], picture[1, 1:8, 1:8] = 63, 255

    larger = padded(picture)

    assert larger[:, 1:, 1:].equal(picture)
    for line in (larger[:, 0], larger[:, :, 0]):
        assert line.unique(dim=1).tolist() == [[63 // 6], [0], [0]]


def test_the_processes_of_a_job_share_what_its_control_group_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    assert usable_memory_bytes(CPU, tmp_path) == 1_000_000

    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert usable_memory_bytes(CPU, tmp_path) == 250_000
