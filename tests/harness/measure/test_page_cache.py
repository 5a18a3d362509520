"""The kernel itself is the judge: it is told to forget the pages of a file, or has just read them."""

import os

import pytest

from harness.measure import page_cache
from harness.measure.fact_table import ABSENT
from harness.measure.page_cache import caches_of_frames, warm_frames

PAGES = 64


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "train" / "images"
    folder.mkdir(parents=True)
    for number in range(4):
        with (folder / f"{number}.jpg").open("wb") as stream:
            stream.write(os.urandom(4096 * PAGES))
            stream.flush()
            os.fsync(stream.fileno())
    return sorted(folder.iterdir())


def forget(path):
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def test_frames_that_were_just_written_are_warm_and_forgotten_ones_cold(tmp_path, frames):
    assert caches_of_frames(tmp_path) == "warm"
    for path in frames:
        forget(path)
    if caches_of_frames(tmp_path) == "warm":
        pytest.skip("this file system lives in memory")
    assert caches_of_frames(tmp_path) == "cold"


def test_some_of_them_are_partly_warm(tmp_path, frames):
    for path in frames[:2]:
        forget(path)
    if caches_of_frames(tmp_path) == "warm":
        pytest.skip("this file system lives in memory")
    assert caches_of_frames(tmp_path) == "partly warm"


def test_frames_that_are_read_before_a_bench_are_warm(tmp_path, frames):
    for path in frames:
        forget(path)

    assert warm_frames(tmp_path)
    assert caches_of_frames(tmp_path) == "warm"


def test_frames_that_would_fill_the_memory_are_left_where_they_lie(tmp_path, frames, monkeypatch):
    for path in frames:
        forget(path)
    before = caches_of_frames(tmp_path)
    monkeypatch.setattr(page_cache, "MOST_SHARE", 0.0)

    assert not warm_frames(tmp_path)
    assert caches_of_frames(tmp_path) == before


def test_without_frames_there_is_nothing_to_be_warm(tmp_path):
    assert caches_of_frames(tmp_path) == ABSENT


def test_of_empty_files_it_cannot_be_told(tmp_path):
    (tmp_path / "train" / "images").mkdir(parents=True)
    (tmp_path / "train" / "images" / "0.jpg").touch()

    assert caches_of_frames(tmp_path) is None
