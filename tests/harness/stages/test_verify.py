import io
import json

import pytest
from PIL import Image

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
    # A quarter of eight is two, and the smallest whole folder has four.
    assert "verify | samples                   4           4           4          12" in printed


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
        "  images/f00.jpg: an empty file; expected a picture of 96x64\n"
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


EMPTY = {f"day{number % 3}/f{number:02d}.txt": b"" for number in range(12)}


def test_a_data_set_without_a_box_is_refused_with_the_likely_cause(dataset, run):
    with pytest.raises(DataError) as caught:
        verify(run, dataset(EMPTY))

    assert caught.value.message == "none of the 9 training frames has a box: all labels are empty"
    assert "CVAT leaves polygons, masks and turned boxes out of YOLO 1.1" in caught.value.remedy


def test_boxes_in_test_frames_alone_and_boxes_under_a_pixel_are_told_apart(dataset, run):
    split = '{ test_groups = ["day0"] }'

    with pytest.raises(DataError, match="none of the 8 training frames has a box, 1 of the test frames have"):
        verify(run, dataset({**EMPTY, "day0/f00.txt": b"0 0.5 0.5 0.5 0.5\n"}, split=split))
    with pytest.raises(DataError, match="none of the 8 training frames has a box: all 1 are under a pixel"):
        verify(run, dataset({**EMPTY, "day1/f01.txt": b"0 0.5 0.5 0.001 0.5\n"}, split=split))


def test_a_declared_size_that_no_picture_has_is_the_fault_of_the_file(dataset, run):
    with pytest.raises(DataError) as exchanged:
        verify(run, dataset(width_px="64", height_px="96"))
    with pytest.raises(DataError) as other:
        verify(run, dataset(width_px="99"))

    assert exchanged.value.remedy.startswith("exchange width_px and height_px in the file of data set own")
    assert other.value.remedy.startswith("remove width_px and height_px from the file of data set own")


def test_damaged_pictures_of_a_file_of_this_machine_are_to_be_corrected_there_or_skipped(
    dataset, run, tmp_path
):
    with pytest.raises(DataError) as caught:
        verify(run, dataset({"day0/f00.jpg": b"torn"}))

    assert caught.value.remedy.startswith(
        f"correct {tmp_path / 'own.zip'}, or leave such frames out: skip_damaged = 1 in the file of data set"
    )


def test_frames_of_several_cameras_may_have_different_sizes(dataset, run, capsys):
    large = io.BytesIO()
    Image.new("L", (192, 160)).save(large, "JPEG")
    declared = dataset({"day1/f01.jpg": large.getvalue()})
    lines = [line for line in declared.read_text().splitlines() if "_px" not in line]
    declared.write_text("\n".join(lines))

    workspace = verify(run, declared)

    # 0.5 +- 0.125 of 192 pixels, 0.5 +- 0.25 of 160
    label = (workspace / "data/.frames/labels/f01.txt").read_text()
    assert label == "car 0.00 0 0.00 72.00 40.00 120.00 120.00 0 0 0 0 0 0 0\n"
    assert "pictures of 2 sizes: 96x64 (11), 192x160 (1)" in capsys.readouterr().out
    report = json.loads((workspace / "experiment/verify.json").read_text())
    assert report["sizes"] == {"96x64": 11, "192x160": 1}


def test_boxes_of_one_size_are_told(dataset, run, capsys):
    verify(run, dataset())

    assert "all 12 boxes are 24x32 pixels" in capsys.readouterr().out


def test_classes_with_blanks_and_accents_keep_their_names_in_reports(dataset, run, capsys):
    workspace = verify(run, dataset(names="traffic light\n자동차\n", classes='["traffic light", "자동차"]'))

    labels = workspace / "data/.frames/labels"
    assert [(labels / f"f0{n}.txt").read_text().split()[0] for n in (0, 1)] == ["traffic_light", "class_1"]
    report = json.loads((workspace / "experiment/verify.json").read_text())
    assert {*report["boxes"]["test"]} == {"traffic light", "자동차"}
    assert report["written_classes"] == {"traffic light": "traffic_light", "자동차": "class_1"}
    assert "class '자동차' is written class_1 in labels and specs" in capsys.readouterr().out


def test_accents_of_class_names_may_be_composed_or_not(dataset, run):
    verify(run, dataset(names="person\nve\u0301lo\n", classes='["person", "v\u00e9lo"]'))
