"""Two networks say the same where every detection has its partner, within a tolerance."""

import json

import pytest

from harness.reproduce.outputs import LEAST_IOU, LEAST_SCORE, MOST_SCORE, compare_outputs
from harness.verdict import Verdict

BOX = [10.0, 20.0, 110.0, 120.0]  # 100 by 100 pixels


@pytest.fixture
def sides(tmp_path):
    return tmp_path / "there", tmp_path / "here"


def write(side, *found):
    path = side / "experiment" / "detections.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"split": "test", "frame": "a.jpg", "class": name, "box": box, "score": score}
        for name, box, score in found
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def judged(sides, there, here):
    write(sides[0], *there)
    write(sides[1], *here)
    return compare_outputs(*sides)


def test_the_same_box_without_area_is_the_same(sides):
    line = [10.0, 20.0, 10.0, 120.0]
    assert judged(sides, [("car", line, 0.8)], [("car", line, 0.8)]).same is Verdict.YES
    assert judged(sides, [("car", line, 0.8)], [("car", [10.0, 20.0, 10.0, 121.0], 0.8)]).same is Verdict.NO


def test_a_hair_more_or_less_is_the_same(sides):
    moved = [10.5, 20.0, 110.5, 120.0]  # 99.5 of 100.5 columns in common
    answer = judged(sides, [("car", BOX, 0.80)], [("car", moved, 0.805)])
    assert answer.same is Verdict.YES
    assert answer.difference == "2 detections of both sides agree"
    assert LEAST_IOU < 99.5 / 100.5


@pytest.mark.parametrize(
    "other",
    [
        ("bus", BOX, 0.8),
        ("car", BOX, 0.8 + 1.1 * MOST_SCORE),
        ("car", [12.0, 20.0, 112.0, 120.0], 0.8),  # 98 of 102 columns in common
    ],
)
def test_another_class_score_or_place_is_not(sides, other):
    answer = judged(sides, [("car", BOX, 0.8)], [other])
    assert answer.same is Verdict.NO
    assert "2 of 2 detections have no partner; the first: car with score 0.800" in answer.difference


def test_a_detection_more_is_not_the_same(sides):
    answer = judged(sides, [("car", BOX, 0.8)], [("car", BOX, 0.8), ("person", BOX, 0.3)])
    assert answer.same is Verdict.NO
    assert "person with score 0.300 on test a.jpg, found here only" in answer.difference


def test_noise_comes_and_goes_and_nothing_is_lost_at_its_edge(sides):
    noise, edge = LEAST_SCORE - 0.01, LEAST_SCORE + 0.001
    assert judged(sides, [("car", BOX, 0.8), ("bus", BOX, noise)], [("car", BOX, 0.8)]).same is Verdict.YES
    assert (
        judged(
            sides,
            [("car", BOX, 0.8), ("bus", BOX, edge)],
            [("car", BOX, 0.8), ("bus", BOX, edge - MOST_SCORE / 2)],
        ).same
        is Verdict.YES
    )


def test_of_networks_that_find_nothing_nobody_can_tell(sides):
    answer = judged(sides, [("car", BOX, 0.01)], [("bus", BOX, 0.02)])
    assert answer.same is Verdict.CANNOT_TELL


def test_without_detections_the_labels_of_vis_are_read(sides):
    for side, score in zip(sides, ("0.800", "0.500"), strict=True):
        labels = side / "experiment" / "visualisations" / "labels"
        labels.mkdir(parents=True)
        columns = ["car", "0.00", "0", "0.00", "1.00", "2.00", "30.00", "40.00", *["0.00"] * 7, score]
        (labels / "a.txt").write_text(" ".join(columns) + "\n")
    assert compare_outputs(*sides).same is Verdict.NO
    assert compare_outputs(sides[0], sides[0]).same is Verdict.YES


@pytest.mark.parametrize(
    "line", ["{", '{"frame": "a"}', '{"frame": 1, "class": "c", "box": [1], "score": 1}']
)
def test_a_file_that_is_none_of_ours_cannot_be_told(sides, line):
    write(sides[0], ("car", BOX, 0.8))
    write(sides[1], ("car", BOX, 0.8))
    (sides[1] / "experiment" / "detections.jsonl").write_text(line + "\n")
    answer = compare_outputs(*sides)
    assert answer.same is Verdict.CANNOT_TELL
    assert "experiment/detections.jsonl cannot be read" in answer.difference
