import json

import pytest

from harness.data.split import Split
from harness.data.views import link_view, read_split, write_split
from harness.errors import DataError

SPLIT = Split(train=("a.1", "b"), test=("c",))


def test_a_view_shows_the_files_of_its_stems_and_takes_no_room(tmp_path):
    for stem in ("a.1", "b", "c"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / f"{stem}.jpg").write_text(stem)

    link_view(tmp_path / "images", tmp_path / "train" / "images", SPLIT.train)

    assert sorted(file.name for file in (tmp_path / "train/images").iterdir()) == ["a.1.jpg", "b.jpg"]
    assert (tmp_path / "train/images/b.jpg").samefile(tmp_path / "images/b.jpg")


def test_who_is_in_which_split_comes_back_as_written(tmp_path):
    write_split(tmp_path / "split.json", SPLIT, seed=7)

    assert read_split(tmp_path / "split.json") == SPLIT
    assert json.loads((tmp_path / "split.json").read_text()) == {
        "seed": 7,
        "test": ["c"],
        "train": ["a.1", "b"],
    }


def test_what_else_a_split_says_comes_back_too(tmp_path):
    split = Split(train=("a", "b"), test=("c",), validation=("b",), groups={"a": "day1", "b": "day2"})

    write_split(tmp_path / "split.json", split, seed=7)

    assert read_split(tmp_path / "split.json") == split


@pytest.mark.parametrize("stem", ["../../outside", "/etc/passwd", "a/b"])
def test_a_split_that_names_files_elsewhere_is_refused(tmp_path, stem):
    (tmp_path / "split.json").write_text(json.dumps({"train": ["a", stem], "test": ["c"]}))

    with pytest.raises(DataError, match="which is no name of a frame"):
        read_split(tmp_path / "split.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"train": [5], "test": []}', '{"train": 1, "test": 2}'])
def test_a_split_that_is_none_is_refused_with_what_to_do(tmp_path, text):
    (tmp_path / "split.json").write_text(text)

    with pytest.raises(DataError, match="is no split") as caught:
        read_split(tmp_path / "split.json")

    assert caught.value.remedy == f"remove {tmp_path}, then: jamcam download"
