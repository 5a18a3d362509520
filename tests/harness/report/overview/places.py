"""Workspaces and facts made in code, with what a test chooses on the test frames."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from harness.clock import utc
from harness.data.overlap import Box
from harness.measure.record import Record
from harness.report.overview.found import Found, Marked
from tests.harness.made import training_phases

CAR, BUS = "car", "bus"


def marked(frame: int, name: str, left: float, score: float = 1.0, *, size: float = 10.0) -> Marked:
    """A square box at a place of a frame."""
    return Marked(frame=frame, name=name, box=square(left, size), score=score)


def square(left: float, size: float = 10.0) -> Box:
    """The corners of a square whose upper edge is at 0."""
    return (left, 0.0, left + size, size)


def found(objects: Sequence[Marked], detections: Sequence[Marked], *, frames: int = 2) -> Found:
    """Objects and detections on that many frames f0, f1 ..."""
    return Found(
        frames=tuple(f"f{number}" for number in range(frames)),
        objects=tuple(objects),
        detections=tuple(detections),
        iou_threshold=0.5,
        is_integrated=True,
        left_out=0,
    )


def write_test_frames(
    workspace: Path,
    labels: Mapping[str, Sequence[tuple[str, Box]]],
    detections: Sequence[Mapping[str, object]] | None,
    *,
    scores: Mapping[str, object] | None = None,
) -> None:
    """Pictures and labels of test frames, and what `eval` leaves of them."""
    for content in ("images", "labels"):
        (workspace / "data" / "test" / content).mkdir(parents=True, exist_ok=True)
    (workspace / "experiment").mkdir(parents=True, exist_ok=True)
    for number, (stem, boxes) in enumerate(labels.items()):
        lines = [
            f"{name} 0.00 0 0.00 {' '.join(f'{side:.2f}' for side in box)} 0 0 0 0 0 0 0"
            for name, box in boxes
        ]
        (workspace / "data" / "test" / "labels" / f"{stem}.txt").write_text("\n".join(lines))
        picture = Image.new("RGB", (96, 64), (40 * number % 256, 90, 120))
        picture.save(workspace / "data" / "test" / "images" / f"{stem}.jpg")
    if detections is not None:
        text = "".join(json.dumps({"split": "test", **row}) + "\n" for row in detections)
        (workspace / "experiment" / "detections.jsonl").write_text(text)
    if scores is not None:
        (workspace / "experiment" / "metrics.json").write_text(json.dumps(scores))


def lay_out(workspace: Path, *, name: str = CAR) -> None:
    """A workspace as a run leaves it: a failed try, an interrupted training that went on later, and scores.

    Args:
        name: of the class that is found.
    """
    start_s = 1_772_360_000.0
    _write_try(
        workspace, "verify", start_s, 4.0, status="failed", message="3 boxes lie outside of their pictures"
    )
    _write_try(workspace, "verify", start_s + 100, 4.0)
    told = training_phases(start_s=start_s + 110)
    _write_try(
        workspace, "train", start_s + 110, 12.0, status="interrupted", message="interrupted by signal 15"
    )
    more = f"goes on after epoch 2 of the try {start_s + 110:.0f}\n"
    later = training_phases(start_s=start_s + 4000)
    _write_try(workspace, "train", start_s + 4000, 10.5, log=more, told=[*told, *later])
    log = "epoch,AP_car,loss,lr,mAP,validation_loss\n1,0.1,9.5,0.001,0.05,4.5\n2,nan,7.25,0.0008,nan,nan\n"
    scores = {
        "mAP": 0.5,
        "AP": {name: 0.5, BUS: None},
        "boxes": {name: 3, BUS: 0},
        "images": 2,
        "iou_threshold": 0.5,
    }
    rows = [
        {"frame": "a.jpg", "class": name, "box": [10.0, 10.0, 40.0, 40.0], "score": 0.9},
        {"frame": "b.jpg", "class": name, "box": [50.0, 5.0, 80.0, 25.0], "score": 0.8},
        {"frame": "b.jpg", "class": name, "box": [2.0, 40.0, 22.0, 60.0], "score": 0.7},
    ]
    labels = {"a": [(name, (10, 10, 40, 42))], "b": [(name, (50, 5, 80, 26)), (name, (60, 30, 90, 60))]}
    write_test_frames(workspace, labels, rows, scores=scores)
    (workspace / "experiment" / "yolov4_training_log_resnet10.csv").write_text(log)


def _write_try(
    workspace: Path,
    stage: str,
    start_s: float,
    lasted_s: float,
    *,
    status: str = "done",
    message: str = "",
    log: str = "",
    told: Sequence[Mapping[str, object]] = (),
) -> None:
    folder = workspace / ".attempts" / stage / f"{start_s:.0f}"
    folder.mkdir(parents=True)
    settings = {
        "epochs": {"value": "2", "origin": "command line"},
        "seed": {"value": "42", "origin": "recipe smoke"},
    }
    asked = {"started_utc": utc(start_s), "fingerprint": stage, "settings": settings}
    (folder / "request.json").write_text(json.dumps({**asked, "cores": 2, "gpus": 1, "machines": 1}))
    ended = {"status": status, "message": message, "finished_utc": utc(start_s + lasted_s)}
    (folder / "outcome.json").write_text(json.dumps(ended))
    (folder / "console.log").write_text(f"starting: it has not been done\n{log}")
    rows = [{"numerics": {"threads": 2}, "computing": {"device": "cpu"}}, *told]
    (folder / "status.json").write_text("".join(json.dumps(row) + "\n" for row in rows))


def lay_out_records(results: Path, *records: Record) -> None:
    """Records as the store keeps them; their phases are those of a training."""
    for record in records:
        folder = results / record.platform / record.id
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(asdict(record), indent=1, sort_keys=True))
        phases = [
            {**row, "run": run.number}
            for run in record.runs
            for row in training_phases(run=run.number, start_s=run.started_unix_s)
        ]
        (folder / "phases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in phases))
