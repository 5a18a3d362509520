import pytest

from harness.errors import ConfigError
from harness.store.datasets import load_dataset, local_path
from harness.store.declared import find_declared, read_toml

MINE = """
title = "my frames"
address = "{address}"
archive = "frames.zip"
classes = ["car"]
width_px = 8
height_px = 8
split = {{ test_pct = 10 }}
"""


def test_the_real_archive_is_declared_as_published():
    jamcam = load_dataset("jamcam")

    assert jamcam.address == "https://zenodo.org/record/6472731/files/task_jamcams_groundtruth.zip?download=1"
    assert jamcam.sha256 == "0d8aa6d26dac35c85ad0d910242dedbb970e54f18c2d9be45469697eac168673"
    assert jamcam.classes == ("person", "bicycle", "car", "motorbike", "bus", "truck")
    assert (jamcam.width_px, jamcam.height_px, jamcam.split.test_frames) == (352, 288, 141)


@pytest.mark.parametrize(("name", "frames"), [("sample", (520, 80)), ("smoke", (18, 6))])
def test_made_data_sets_say_how_many_frames(name, frames):
    dataset = load_dataset(name)

    assert (dataset.make.train_frames, dataset.make.test_frames) == frames
    assert dataset.split.test_frames == frames[1]


def test_a_data_set_of_ones_own_is_given_by_path_and_called_after_its_file(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE.format(address="file:folder/my%20frames.zip"))

    dataset = load_dataset(str(tmp_path / "mine.toml"))

    assert dataset.name == "mine"
    assert local_path(dataset.address) == tmp_path / "folder" / "my frames.zip"


def test_an_absolute_file_address_stays(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE.format(address="file:///frames.zip"))

    assert load_dataset(str(tmp_path / "mine.toml")).address == "file:///frames.zip"


def test_a_name_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no samples\.toml in .*, which has jamcam, sample, smoke") as caught:
        load_dataset("samples")

    assert caught.value.remedy.startswith("take sample,")


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no file at .*gone\.toml, expected one of datasets"):
        find_declared("datasets", str(tmp_path / "gone.toml"))


@pytest.mark.parametrize("content", [b"a = = 1", b"a = '\xff'"])
def test_a_file_that_is_no_toml_is_told_with_its_path(tmp_path, content):
    (tmp_path / "bad.toml").write_bytes(content)

    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        read_toml(tmp_path / "bad.toml")
