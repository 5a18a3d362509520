import os

import pytest

from yolo_v4.errors import DataError
from yolo_v4.prediction.inputs import OWN_FOLDER, list_items, named_sources, told


@pytest.fixture
def place(tmp_path):
    """Makes empty files below a folder."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        return tmp_path

    return make


def listed(*given):
    listing = list_items(named_sources([str(path) for path in given]))
    return [(item.name, item.stem) for item in listing.items], dict(listing.left_out)


def test_pictures_and_videos_of_all_folders_are_found_by_name_and_the_rest_is_counted(place):
    folder = place(
        "b.JPG", "a.webp", "일/우리 집.bmp", "c.mp4", "notes.txt", "more.txt", "README", ".hidden.jpg"
    )

    names, left_out = listed(folder)

    top = folder.name
    assert names == [
        (f"{top}/a.webp", f"{top}/a"),
        (f"{top}/b.JPG", f"{top}/b"),
        (f"{top}/c.mp4", f"{top}/c.mp4"),
        (f"{top}/일/우리 집.bmp", f"{top}/일/우리 집"),
    ]
    assert left_out == {".txt": 2, "without ending": 1, "hidden": 1}
    assert told(left_out) == "2 .txt, 1 hidden, 1 without ending"


def test_pictures_that_differ_in_their_ending_alone_keep_it(place):
    folder = place("a.jpg", "a.png", "A.bmp", "b.png", "b.png.jpg", "c.jpg")

    names, _ = listed(folder)

    stems = [stem.partition("/")[2] for _, stem in names]
    assert stems == ["A.bmp", "a.jpg", "a.png", "b", "b.png.jpg", "c"]


def test_two_folders_of_one_name_are_called_by_more_of_their_path(place):
    folder = place("monday/images/a.jpg", "tuesday/images/a.jpg", "other/b.jpg")

    names, _ = listed(folder / "monday" / "images", folder / "tuesday" / "images", folder / "other" / "b.jpg")

    assert [name for name, _ in names] == ["monday__images/a.jpg", "tuesday__images/a.jpg", "b.jpg"]


def test_what_is_given_twice_or_lies_in_another_is_taken_once(place):
    folder = place("day/a.jpg", "day/b.jpg")
    (folder / "link").symlink_to(folder / "day")

    assert [name for name, _ in listed(folder / "day", folder / "day", folder / "link")[0]] == [
        "day/a.jpg",
        "day/b.jpg",
    ]
    names, left_out = listed(folder / "day", folder)
    assert [name for name, _ in names] == ["day/a.jpg", "day/b.jpg"]
    assert left_out == {"given twice": 2, "link to a folder": 1}


def test_links_to_folders_are_not_followed_and_results_are_no_pictures(place):
    folder = place("a.jpg", f"old/{OWN_FOLDER}/settings.json", "old/annotated/a.jpg")
    (folder / "circle").symlink_to(folder)

    names, left_out = listed(folder)

    assert [name.partition("/")[2] for name, _ in names] == ["a.jpg"]
    assert left_out == {"folder of results": 1, "link to a folder": 1}


def test_pipes_and_links_that_lead_nowhere_are_left_out(place):
    folder = place("a.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "lost.jpg").symlink_to(folder / "nowhere.jpg")

    names, left_out = listed(folder)

    assert [name.partition("/")[2] for name, _ in names] == ["a.jpg"]
    assert left_out == {"link to nothing, or no file": 2}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("nowhere", "there is no file or folder at"),
        ("notes.txt", "is neither a picture nor a video"),
        ("empty", "no picture or video in"),
        ("texts", "left out: 1 .txt"),
    ],
)
def test_what_holds_no_picture_is_refused_in_words(place, given, complaint):
    folder = place("notes.txt", "texts/a.txt")
    (folder / "empty").mkdir()

    with pytest.raises(DataError, match=complaint):
        listed(folder / given)


def test_an_ending_that_cannot_be_printed_is_shown_as_its_escapes():
    assert told({".\x1b[2J": 1, ".\udce9": 2}) == "2 '.\\udce9', 1 '.\\x1b[2J'"
