import json

import pytest

from harness.errors import DataError
from harness.report.overview import found as found_module
from harness.report.overview.found import Told, read_found, read_told
from harness.workspace.layout import Workspace
from tests.harness.report.overview.places import CAR, square, write_test_frames

ROW = {"frame": "a.jpg", "class": CAR, "box": [0.0, 0.0, 10.0, 10.0], "score": 0.5}
SCORES = {
    "mAP": 0.5,
    "AP": {CAR: 0.5, "bus": None},
    "boxes": {CAR: 1, "bus": 0},
    "images": 2,
    "iou_threshold": 0.6,
}


@pytest.fixture
def room(workspace):
    return Workspace(workspace)


def test_detections_and_labels_are_read_with_the_names_of_frames(room):
    write_test_frames(room.root, {"a": [("Car", square(3))], "b": []}, [ROW], scores=SCORES)
    found = read_found(room)
    assert found.frames == ("a", "b")
    assert [(one.frame, one.name, one.box) for one in found.objects] == [(0, CAR, square(3))]
    assert [(one.name, one.score) for one in found.detections] == [(CAR, 0.5)]
    assert (found.iou_threshold, found.left_out) == (0.6, 0)


@pytest.mark.parametrize(
    ("name", "what"), [("MOST_FRAMES", "test frames"), ("MOST_DETECTIONS", "detections")]
)
def test_of_a_part_of_what_was_found_nothing_is_told(room, monkeypatch, name, what):
    write_test_frames(room.root, {"a": [], "b": []}, [ROW, ROW])
    monkeypatch.setattr(found_module, name, 1)

    with pytest.raises(DataError, match=f"more than 1 {what}, so single detections are not looked at"):
        read_found(room)


def test_a_workspace_of_before_detections_were_kept_has_none(room):
    write_test_frames(room.root, {"a": []}, None)
    assert read_found(room) is None


def test_detections_of_the_validation_frames_are_none_of_these(room):
    write_test_frames(room.root, {"a": []}, [{**ROW, "split": "val"}])
    assert (read_found(room).detections, read_found(room).left_out) == ((), 0)


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "score": float("nan")},
        {**ROW, "score": 7},
        {**ROW, "box": [1, 2, 3]},
        {**ROW, "box": ["a", 0, 1, 2]},
        {**ROW, "box": [0, 0, float("inf"), 1]},
        {**ROW, "frame": "elsewhere.jpg"},
        {**ROW, "class": None},
        {"split": "test"},
    ],
)
def test_a_line_that_makes_no_sense_is_left_out_and_counted(room, row):
    write_test_frames(room.root, {"a": []}, [ROW, row])
    found = read_found(room)
    assert (len(found.detections), found.left_out) == (1, 1)


def test_half_a_line_at_the_end_is_left_out(room):
    write_test_frames(room.root, {"a": [("car", square(0))]}, [ROW])
    with (room.root / "experiment" / "detections.jsonl").open("a") as stream:
        stream.write(json.dumps(ROW)[:20] + "\n[1, 2]\n" + "[" * 100_000)
    assert (len(read_found(room).detections), read_found(room).left_out) == (1, 3)


def test_control_characters_in_a_name_are_shown_as_escapes(room):
    write_test_frames(room.root, {"a": []}, [{**ROW, "class": "\x1b[31mred"}])
    assert read_found(room).detections[0].name == r"\x1b[31mred"


def test_scores_are_those_of_metrics_json(room):
    write_test_frames(room.root, {}, None, scores=SCORES)
    assert read_told(room) == Told(
        split="test",
        images=2,
        mean_average_precision=0.5,
        average_precision={CAR: 0.5, "bus": None},
        boxes={CAR: 1, "bus": 0},
        iou_threshold=0.6,
    )


@pytest.mark.parametrize("scores", [None, {}, {"AP": 7}])
def test_without_scores_nothing_is_told(room, scores):
    write_test_frames(room.root, {}, None, scores=scores)
    assert read_told(room) is None


def test_scores_that_cannot_be_are_not_known(room):
    scores = {"mAP": "high", "AP": {CAR: 1e9, "bus": True, "": -1}, "boxes": [], "images": "x"}
    write_test_frames(room.root, {}, None, scores=scores)
    told = read_told(room)
    assert (told.mean_average_precision, told.images) == (None, None)
    assert set(told.average_precision.values()) == {None}


def test_classes_have_the_names_by_which_the_user_knows_them(room):
    write_test_frames(room.root, {"a": [("traffic_light", square(0)), ("tree", square(20))]}, [])
    inputs = room.marker_inputs("verify")
    inputs.parent.mkdir(parents=True)
    known = {"classes": ["traffic light"], "written": ["traffic_light"]}
    inputs.write_text(json.dumps({"inputs": known}))
    assert [one.name for one in read_found(room).objects] == ["traffic light"]


def test_average_precision_is_counted_as_the_spec_of_the_run_says(done):
    room = Workspace(done.workspace)
    assert read_found(room).is_integrated is True
    (spec,) = room.experiment.glob("yolo_v4_*.txt")
    spec.write_text(spec.read_text().replace("INTEGRATE", "SAMPLE"))
    assert read_found(room).is_integrated is False
