"""The archive of made frames: laid out as the real one, and the same bytes from the same seed."""

import re
import zipfile

import pytest

from made_frames.archive import make_frames, pack
from made_frames.traffic import CLASSES

LABEL = re.compile(r"([0-5]( [01]\.\d{6}){4}\n)*")


def made(path, *, seed=3):
    pack(make_frames(seed, 3), path)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return made(tmp_path_factory.mktemp("sample") / "sample.zip")


def test_it_holds_as_many_pairs_as_frames_were_made(archive):
    names = zipfile.ZipFile(archive).namelist()
    pictures = [name for name in names if name.endswith(".jpg")]
    assert len(pictures) == 3
    assert names[2:-1] == [f"{name[:-4]}.{ending}" for name in pictures for ending in ("jpg", "txt")]


def test_it_is_laid_out_as_the_real_archive(archive):
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        frames = [name for name in names if name.endswith(".jpg")]
        assert names == sorted(names)
        assert names[:2] == ["data/obj.data", "data/obj.names"]
        assert names[-1] == "data/train.txt"
        assert opened.read("data/obj.names").decode().split() == list(CLASSES)
        assert opened.read("data/train.txt").decode().splitlines() == frames
    for name in frames:
        assert re.fullmatch(r"data/obj_train_data/(\d{5}\.\d{5})/\1_2\d{13}\.jpg", name)


def test_it_declares_what_the_real_archive_declares(archive, shared):
    with (
        zipfile.ZipFile(archive) as opened,
        zipfile.ZipFile(shared / "data" / "nyc_ourcamera_yolo11.zip") as real,
    ):
        for name in ("data/obj.data", "data/obj.names"):
            assert opened.read(name) == real.read(name)


def test_labels_are_lines_of_class_and_four_fractions(archive):
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist()[2:-1]:
            assert name.endswith(".jpg") or LABEL.fullmatch(opened.read(name).decode())


def test_entries_are_stored_under_one_fixed_time(archive):
    with zipfile.ZipFile(archive) as opened:
        assert {(entry.compress_type, entry.date_time) for entry in opened.infolist()} == {
            (zipfile.ZIP_STORED, (2019, 6, 28, 14, 0, 0))
        }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(archive, tmp_path):
    assert made(tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert made(tmp_path / "other.zip", seed=4).read_bytes() != archive.read_bytes()


def test_an_interruption_leaves_nothing_behind(tmp_path):
    def interrupted():
        yield from make_frames(3, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(interrupted(), tmp_path / "sample.zip")
    assert list(tmp_path.iterdir()) == []
