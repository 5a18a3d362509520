"""Average precision with an interval."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from judging import Matched, draw_counts, judge_frames, matched_by_class, score, table

from yolo_v4.data.batches import Truth
from yolo_v4.scoring.average_precision import judge
from yolo_v4.scoring.nms import Detections

FRAMES = 12


@pytest.fixture
def case() -> tuple[list[Truth], list[Detections]]:
    """Frames with one to three objects, some found well, some badly, and false alarms; scores with ties."""
    random = np.random.default_rng(5)
    truths, found = [], []
    for _ in range(FRAMES):
        count = int(random.integers(1, 4))
        corner = random.uniform(0, 50, (count, 2))
        boxes = np.concatenate((corner, corner + 10), axis=1).astype(np.float32)
        truths.append(Truth(boxes, random.integers(0, 2, count), np.zeros(count, dtype=bool)))
        seen = np.concatenate((boxes + random.uniform(-3, 3, boxes.shape), random.uniform(0, 60, (2, 4))))
        scores = torch.tensor(random.integers(1, 9, len(seen)) / 10)
        found.append(Detections(torch.tensor(seen), scores, torch.tensor(random.integers(0, 2, len(seen)))))
    return truths, found


@pytest.mark.parametrize("mode", ["sample", "integrate"])
def test_a_draw_is_worth_what_the_evaluator_says_of_the_frames_drawn(case, mode: str) -> None:
    truths, found = case
    matched = matched_by_class(truths, found, num_classes=2, iou=0.5, confidence=0.001)
    draws = np.random.default_rng(1).integers(0, FRAMES, (60, FRAMES))
    counts = np.stack([np.bincount(draw, minlength=FRAMES) for draw in draws])
    ours = [one.average_precisions(counts, mode) for one in matched]

    for place, draw in enumerate(np.sort(draws)):  # sorted, so that equal scores stand in the order of frames
        limits = {"num_classes": 2, "matching_iou": 0.5, "confidence_threshold": 0.001}
        outcomes = judge([truths[frame] for frame in draw], [found[frame] for frame in draw], **limits)
        for values, outcome in zip(ours, outcomes, strict=True):
            expected = outcome.average_precision(mode) if outcome.objects else np.nan
            assert values[place] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_an_interval_made_by_hand() -> None:
    # One object on each of two frames; that of the first is found, that of the second not. A draw has none,
    # one or two of the first: average precision 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
    one = Matched(right_D=np.array([True]), frame_D=np.array([0]), objects_F=np.array([1, 1]))

    assert one.average_precisions(np.array([[1, 1], [0, 2], [2, 0]]), "integrate").tolist() == [0.5, 0, 1]
    scores = score({"car": one}, "integrate", draw_counts(["a", "b"], 400))
    assert table(scores).splitlines() == [
        "class              AP   boxes     low    high",
        "car            0.5000       2  0.0000  1.0000",
        "mean           0.5000       2  0.0000  1.0000",
    ]


def test_whole_cameras_are_drawn() -> None:
    counts = draw_counts(["north", "south", "north", "south", "east"], 300)

    assert counts[0].tolist() == [1, 1, 1, 1, 1]
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 1] == counts[:, 3]).all()
    # Each draw has three cameras.
    assert (counts[:, 0] + counts[:, 1] + counts[:, 4] == 3).all()
    assert {tuple(row) for row in counts[:, [0, 1, 4]]} >= {(3, 0, 0), (0, 3, 0), (0, 0, 3), (1, 1, 1)}


def test_rare_classes_are_told_and_are_no_part_of_the_mean() -> None:
    often = Matched(right_D=np.array([True] * 4), frame_D=np.arange(4), objects_F=np.ones(4, dtype=int))
    rare = Matched(right_D=np.array([]), frame_D=np.array([], dtype=int), objects_F=np.array([1, 0, 0, 0]))
    never = Matched(right_D=np.array([]), frame_D=np.array([], dtype=int), objects_F=np.zeros(4, dtype=int))
    named = {"car": often, "bus": rare, "train": never}

    scores = score(named, "integrate", draw_counts(list("abcd"), 50), few=2)

    assert [(one.name, one.ap, one.objects) for one in scores] == [
        ("car", 1.0, 4),
        ("bus", 0.0, 1),
        ("mean", 1.0, 4),
    ]


def test_label_files_are_judged_by_the_spec(
    write_spec: Callable[..., Path], street: Path, tmp_path: Path
) -> None:
    (tmp_path / "found").mkdir()
    for number in range(6):
        first = (street / "labels" / f"frame_{number}.txt").read_text().splitlines()[0].replace("Van", "car")
        # Of half the frames the score is below the spec's confidence threshold.
        score_text = " 0.9\n" if number < 3 else " 0.0\n"
        (tmp_path / "found" / f"frame_{number}.txt").write_text(first + score_text)

    car = judge_frames(write_spec(), labels=tmp_path / "found", resamples=20)[0]

    assert (car.name, car.ap, car.objects) == ("car", 0.5, 6)
