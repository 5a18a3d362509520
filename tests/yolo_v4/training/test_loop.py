"""What surrounds the steps: early stopping, the CSV log, progress and phases."""

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from yolo_v4.phases import Phases
from yolo_v4.progress import Progress
from yolo_v4.spec.experiment import EarlyStopping
from yolo_v4.status import StatusLog
from yolo_v4.training.loop import Outputs, best_checkpoint, should_stop


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([5, 4, 3], False),
        ([5, 4, 4, 4], True),
        ([5, 4, 3.95, 3.9], True),
        ([5, 4, 4, 3], False),
    ],
)
def test_training_stops_when_the_loss_has_not_fallen_enough_for_two_epochs(
    losses: list[float], stops: bool
) -> None:
    history = [{"loss": loss} for loss in losses]
    assert should_stop(history, EarlyStopping(min_delta=0.1, patience=2)) is stops
    assert not should_stop(history, None)


def test_the_csv_log_is_taos(tmp_path: Path) -> None:
    judged = {"mAP": 0.5, "AP_car": 1.0, "AP_person": 0.0, "validation_loss": 3.0}
    Outputs(results=tmp_path, model="resnet18").write_csv(
        ["person", "car"],
        [{"epoch": 1, "loss": 9.5, "lr": 0.001}, {"epoch": 2, "loss": 8.25, "lr": 0.0005, **judged}],
    )

    assert (tmp_path / "yolov4_training_log_resnet18.csv").read_bytes() == (
        b"epoch,AP_car,AP_person,loss,lr,mAP,validation_loss\r\n"
        b"1,nan,nan,9.5,0.001,nan,nan\r\n"
        b"2,1.0,0.0,8.25,0.0005,0.5,3.0\r\n"
    )


@pytest.mark.parametrize(
    ("scores", "saved", "best"),
    [
        ({1: 0.1, 2: 0.5, 3: 0.3}, {1, 2, 3}, (2, 0.5)),
        ({1: 0.1, 2: 0.5, 3: 0.3}, {3}, (3, 0.3)),  # a resumed run: the others lie elsewhere
        ({1: 0.5, 2: 0.2, 3: 0.5}, {1, 2, 3}, (3, 0.5)),
        ({1: 0.0, 2: 0.0, 3: math.nan}, {1, 2, 3}, (2, 0.0)),
        ({1: math.nan}, {1, 2}, None),
        ({}, set(), None),
    ],
)
def test_the_best_checkpoint_has_the_highest_known_map(
    tmp_path: Path, scores: dict[int, float], saved: set[int], best: tuple[int, float] | None
) -> None:
    outputs = Outputs(results=tmp_path, model="resnet18")
    (tmp_path / "weights").mkdir()
    for epoch in saved:
        outputs.checkpoint(epoch).touch()
    history = [{"epoch": epoch, "loss": 1.0, "mAP": score} for epoch, score in scores.items()]

    found = best_checkpoint([*history, {"epoch": 4, "loss": 1.0}], outputs)

    assert (found and found[:2]) == best
    assert found is None or found.path == outputs.checkpoint(found.epoch)


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seconds = iter(range(0, 100, 4))

    with Progress(40, "Training", clock=lambda: float(next(seconds))) as progress:
        for loss in (5, 4, 3, 2, 1):
            progress.advance(8, f"loss: {loss}")

    assert capsys.readouterr().out == (
        "Training: 24/40 - loss: 3 - 2.0 images/s - 00:08 left\n"
        "Training: 40/40 - loss: 1 - 2.0 images/s - 00:00 left\n"
    )


def test_phases_are_marked_in_the_status_file(tmp_path: Path) -> None:
    phases = Phases(StatusLog(tmp_path / "status.json"))

    for epoch in (1, 2):
        with phases.phase("epoch", epoch=epoch):
            assert list(phases.steps("abc")) == ["a", "b", "c"]

    lines = [json.loads(line) for line in (tmp_path / "status.json").read_text().splitlines()]
    assert [(line["phase"], line.get("epoch")) for line in lines] == [
        ("start-up", None),
        ("first step", None),
        ("epoch", 1),
        ("epoch", 2),
    ]
    assert all(line["duration_s"] >= 0 and line["started_unix_s"] > 1e9 for line in lines)
    assert [(len(line["wait_s"]), len(line["work_s"])) for line in lines[2:]] == [(3, 3), (3, 3)]


def test_a_step_is_told_apart_into_waiting_and_working(tmp_path: Path) -> None:
    def slow_items() -> Iterator[str]:
        for item in "ab":
            time.sleep(0.02)
            yield item

    phases = Phases(StatusLog(tmp_path / "status.json"))
    with phases.phase("inference"):
        for _ in phases.steps(slow_items()):
            time.sleep(0.05)

    line = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert all(wait_s >= 0.02 for wait_s in line["wait_s"]), line
    assert all(work_s >= 0.05 for work_s in line["work_s"]), line
    # No moment counts twice; the phase is rounded to milliseconds.
    assert sum(line["wait_s"]) + sum(line["work_s"]) <= line["duration_s"] + 0.001
