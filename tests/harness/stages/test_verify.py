import json

import pytest

from harness.errors import DataError
from harness.stages.download import Download
from harness.stages.verify import Verify


def verify(run, declared, **changes):
    return run(declared, Download, Verify, **changes)


def test_labels_become_kitti_and_the_test_frames_get_their_folders(dataset, run):
    workspace = verify(run, dataset({"day0/f00.txt": b""}))

    labels = workspace / "data/.frames/labels"
    # 0.5 +- 0.125 of 96 pixels, 0.5 +- 0.25 of 64
    assert (labels / "f01.txt").read_text() == "car 0.00 0 0.00 36.00 16.00 60.00 48.00 0 0 0 0 0 0 0\n"
    assert (labels / "f00.txt").read_text() == ""
    test = json.loads((workspace / "data/.frames/split.json").read_text())["test"]
    for content, ending in (("images", "jpg"), ("labels", "txt"), ("labels_raw", "txt")):
        found = sorted(path.name for path in (workspace / "data/test" / content).iterdir())
        assert found == [f"{stem}.{ending}" for stem in test]


def test_the_report_counts_frames_and_boxes_of_each_class(dataset, run):
    workspace = verify(
        run, dataset({"day0/f00.txt": b""}, split='{ group = "folder", test_groups = ["day0"] }')
    )

    report = json.loads((workspace / "experiment/verify.json").read_text())
    assert report == {
        "dataset": "own",
        "frames": {"train_and_validation": 8, "test": 4},
        "frames_without_boxes": {"train_and_validation": 0, "test": 1},
        # of frames 0 to 11 the odd ones show a car; day0 has 0, 3, 6, 9, and 0 is empty
        "boxes": {"train_and_validation": {"person": 4, "car": 4}, "test": {"person": 1, "car": 2}},
        "boxes_left_out": {"repeated": 0, "under_a_pixel": 0},
        "identical_pictures": [],
    }


def test_the_numbers_of_all_three_sets_are_printed(dataset, run, capsys):
    verify(run, dataset(split='{ group = "folder", test_groups = ["day0"] }'), val_split="25")

    printed = capsys.readouterr().out
    assert "verify |                       train  validation        test         all" in printed
    assert "verify | samples                   6           2           4          12" in printed


def test_every_fault_is_told_at_once_with_file_line_found_and_expected(dataset, run, workspace):
    declared = dataset(
        {
            "day0/f00.jpg": b"",
            "day1/f01.txt": b"9 0.5 0.5 0.1 0.1\n0 nan 0.5 0.1 0.1\n",
            "day2/f02.txt": b"0 0.5\n",
        }
    )

    with pytest.raises(DataError) as caught:
        verify(run, declared)

    assert caught.value.message == (
        f"4 problem(s) in {workspace}/data/.frames:\n"
        "  images/f00.jpg: an empty file; expected a JPEG picture of 96x64\n"
        "  labels_raw/f01.txt:1: class 9; expected 0 to 1\n"
        "  labels_raw/f01.txt:2: '0 nan 0.5 0.1 0.1'; expected finite numbers\n"
        "  labels_raw/f02.txt:1: 2 columns ('0 0.5'); expected 5: class cx cy w h"
    )
    assert not (workspace / "data/.frames/labels").exists()


def test_of_many_faults_the_first_twenty_are_told(dataset, run):
    with pytest.raises(DataError) as caught:
        verify(run, dataset({"day0/f00.txt": b"x\n" * 30}))

    assert caught.value.message.startswith("30 problem(s)")
    assert caught.value.message.endswith("… and 10 more")
    assert len(caught.value.message.splitlines()) == 22


@pytest.mark.parametrize("names", ["car\nperson\n", "person\ncar\nbus\n", "person\n"])
def test_class_names_must_be_those_of_the_archive_in_its_order(dataset, run, names):
    with pytest.raises(
        DataError, match=r"obj\.names in own\.zip has the classes .*; the data set own expects person, car"
    ):
        verify(run, dataset(names=names))


def test_the_same_picture_in_train_and_test_is_told_and_no_fault(dataset, picture, run, capsys):
    same = dict.fromkeys(("day0/f00.jpg", "day1/f01.jpg"), picture(200))

    verify(run, dataset(same, split='{ group = "folder", test_groups = ["day0"] }'))

    assert "the same picture 2 times: f00, f01; in train AND test" in capsys.readouterr().out


@pytest.mark.slow
def test_the_real_archive_is_sound_and_counted_right(shared, tmp_path, run):
    declared = tmp_path / "nyc.toml"
    declared.write_text(
        f'title = "a street camera"\naddress = "{(shared / "data/nyc_ourcamera_yolo11.zip").as_uri()}"\n'
        'sha256 = "6dcc34751d20ce17eacfcfa42932eb2f07a10cc60b52c5e802b13b9b41028f0d"\narchive = "nyc.zip"\n'
        'classes = ["person", "bicycle", "car", "motorbike", "bus", "truck"]\n'
        "width_px = 352\nheight_px = 240\n"
        '[split]\ngroup = "folder"\ntest_groups = ["2017-12-23", "2017-12-27"]\n'
    )

    workspace = verify(run, declared)

    # Counted with `unzip -p nyc_ourcamera_yolo11.zip 'data/obj_train_data/*/*.txt' | cut -d' ' -f1 | sort |
    # uniq -c`, and with the two days alone.
    report = json.loads((workspace / "experiment/verify.json").read_text())
    assert report["frames"] == {"train_and_validation": 2015, "test": 209}
    test = {"person": 34, "bicycle": 5, "car": 735, "motorbike": 0, "bus": 12, "truck": 58}
    assert report["boxes"]["test"] == test
    whole = {"person": 902, "bicycle": 285, "car": 8729, "motorbike": 0, "bus": 588, "truck": 1220}
    assert report["boxes"]["train_and_validation"] == {name: whole[name] - test[name] for name in whole}
    # The first label: 5 0.502841 0.529167 0.039773 0.058333, so x = 177.00 -+ 7.00, y = 127.00 -+ 7.00.
    first = (workspace / "data/.frames/labels/2017-12-15_123725_579394.txt").read_text().splitlines()[0]
    assert first == "truck 0.00 0 0.00 170.00 120.00 184.00 134.00 0 0 0 0 0 0 0"
