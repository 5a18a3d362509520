"""Decoding pictures, and the cache of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from yolo_v4.data.pictures import CPU, PictureCache, read_picture, usable_memory_bytes
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


def test_a_picture_is_decoded_once_while_there_is_room(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{number}.png", number) for number in range(3)]
    cache = PictureCache(paths, limit_bytes=2 * 10 * 8 * 3)
    before = [cache[number][0, 0, 0].item() for number in range(3)]
    for path in paths:
        save(path, 200)

    after = [cache[number][0, 0, 0].item() for number in range(3)]

    assert before == [0, 1, 2]
    assert after == [0, 1, 200]


def test_the_processes_of_a_job_share_what_its_control_group_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    assert usable_memory_bytes(CPU, tmp_path) == 1_000_000

    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert usable_memory_bytes(CPU, tmp_path) == 250_000
