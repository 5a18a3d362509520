import json
import subprocess
import sys

import pytest

from yolo_v4.errors import DetectorError
from yolo_v4.prediction.inputs import Item
from yolo_v4.prediction.results import PICTURE, Results, claim, fingerprint, noted_settings

SETTINGS = {"threshold": 0.3, "given": {"street": "/pictures/street"}}


@pytest.fixture
def picture(tmp_path):
    (tmp_path / "street").mkdir()
    (tmp_path / "street" / "a.jpg").write_bytes(b"pixels")
    return Item(tmp_path / "street" / "a.jpg", "street/a.jpg", "street/a", False)


@pytest.fixture
def folder(tmp_path):
    return claim(tmp_path / "out", {"street": tmp_path / "street"})


def entry(folder, picture, found=()):
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "a.txt").write_text("car")
    return {"source": fingerprint(picture.path), "files": {"labels/a.txt": 3}, "found": list(found)}


def test_what_is_noted_is_there_again_in_the_next_process(folder, picture):
    with Results(folder, SETTINGS) as results:
        assert results.done(picture, PICTURE) is None
        results.add(picture, PICTURE, entry(folder, picture, [[1, 0.5]]))

    with Results(folder, SETTINGS) as results:
        assert results.done(picture, PICTURE)["found"] == [[1, 0.5]]
        assert [each["found"] for each in results.entries(picture)] == [[[1, 0.5]]]


@pytest.mark.parametrize("rest", [b'{"name":"street/b.jpg","num', b'{"name":"street/b.jpg"}\n', b"\0\0\0\n"])
def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(folder, picture, rest):
    with Results(folder, SETTINGS) as results:
        results.add(picture, PICTURE, entry(folder, picture))
    journal = folder / ".predict" / "journal.jsonl"
    with journal.open("ab") as stream:
        stream.write(rest)

    with Results(folder, SETTINGS) as results:
        assert results.done(picture, PICTURE)
        results.add(picture, 3, entry(folder, picture))

    numbers = [json.loads(line)["number"] for line in journal.read_text().splitlines()]
    assert numbers == [PICTURE, 3]


def test_a_picture_that_changed_or_lost_its_files_is_not_done(folder, picture):
    with Results(folder, SETTINGS) as results:
        results.add(picture, PICTURE, entry(folder, picture))
        (folder / "labels" / "a.txt").write_text("")  # as after a power cut
        assert results.done(picture, PICTURE) is None
        assert list(results.entries(picture)) == []

        results.add(picture, PICTURE, entry(folder, picture))
        assert results.done(picture, PICTURE)
        picture.path.write_bytes(b"other pixels")
        assert results.done(picture, PICTURE) is None


def test_other_settings_are_told_and_nothing_is_mixed(folder, picture):
    with Results(folder, SETTINGS):
        pass
    now = {"threshold": 0.5, "given": {"street": "/pictures/street", "park": "/pictures/park"}}

    with pytest.raises(DetectorError) as caught, Results(folder, now):
        pass

    assert caught.value.message.splitlines()[1:] == [
        "  threshold: 0.3 before, 0.5 now",
        "  given: /pictures/street before, /pictures/street, /pictures/park now",
    ]
    assert noted_settings(folder) == SETTINGS


def test_a_journal_whose_settings_are_lost_counts_for_nothing(folder, picture):
    with Results(folder, SETTINGS) as results:
        results.add(picture, PICTURE, entry(folder, picture))
    (folder / ".predict" / "settings.json").write_bytes(b"")

    with Results(folder, {"threshold": 0.5}) as results:
        assert results.done(picture, PICTURE) is None


def test_two_processes_do_not_write_into_one_folder(folder, picture):
    script = (
        "import sys; from pathlib import Path; from yolo_v4.errors import DetectorError\n"
        "from yolo_v4.prediction.results import Results\n"
        "try: Results(Path(sys.argv[1]), {'threshold': 0.3})\n"
        "except DetectorError as error: print(error.message)\n"
    )
    with Results(folder, {"threshold": 0.3}):
        said = subprocess.run(
            [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
        )
    assert said.stdout == f"another predict is at work in {folder}\n"


def test_a_folder_with_files_of_others_is_left_as_it_is(tmp_path, picture):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")

    with pytest.raises(DetectorError, match="has files in it that are no results"):
        claim(tmp_path / "mine", {"street": picture.path.parent})
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_the_originals_are_never_in_the_folder_of_results_however_it_is_called(tmp_path, picture):
    street = picture.path.parent
    (tmp_path / "alias").symlink_to(street)
    before = sorted(street.rglob("*"))

    for out in (street, tmp_path / "alias", tmp_path / "street" / ".." / "street"):
        with pytest.raises(DetectorError, match="is in the folder for results"):
            claim(out, {"street": street})
    with pytest.raises(DetectorError, match="is in the folder for results"):
        claim(tmp_path, {"street": street})
    assert sorted(street.rglob("*")) == before


@pytest.mark.parametrize("name", ["annotated", "status.json", ".predict/journal.jsonl"])
def test_links_that_were_put_into_the_folder_are_not_written_through(folder, picture, name):
    (folder / name).symlink_to(picture.path.parent if name == "annotated" else picture.path)

    with pytest.raises(DetectorError, match="is a link, and results would be written where it leads"):
        claim(folder, {"street": picture.path.parent})


def test_a_second_name_of_an_original_is_not_appended_to(folder, picture):
    (folder / "status.json").hardlink_to(picture.path)

    with pytest.raises(DetectorError, match="is a link, and results would be written where it leads"):
        claim(folder, {"street": picture.path.parent})
