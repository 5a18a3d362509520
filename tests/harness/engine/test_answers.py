import json

import pytest

from harness.engine.answers import (
    checkpoints,
    claims_success,
    metrics,
    read_anchors,
    read_numbers,
    read_numerics,
    read_scores,
    read_status,
    runtimes,
    whole_checkpoints,
    with_runtime,
)
from harness.workspace.marker import Marker

TABLE = """
*******************************
bicycle       AP    0.25
car           AP    0.75
electric_bicycleAP    0.5
              mAP   0.5
*******************************
"""


def write_status(folder, *entries):
    folder.mkdir(exist_ok=True)
    (folder / "status.json").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path):
    (tmp_path / "status.json").write_text('{"status": "STARTED"}\n{"status": "RUN')

    assert read_status(tmp_path) == [{"status": "STARTED"}]


def evaluated(stage, *numerics):
    return Marker(
        stage=stage,
        fingerprint="f" * 64,
        consumed={},
        products=(),
        engine=None,
        argv=(),
        started_utc="",
        finished_utc="",
        duration_s=1.0,
        harness_version="",
        git_commit=None,
        numerics=numerics,
    )


def test_what_computed_is_read_of_the_stages_that_choose_it_and_was_pytorch_before_engines_told_it():
    torch, onnx = ({"torch": "2.13.0", "runtime": name} for name in ("PyTorch", "onnxruntime"))
    older, silent = {"torch": "2.5.1"}, {"processor": "made up"}

    assert runtimes({"eval": evaluated("eval", onnx, torch), "vis": evaluated("vis", torch)}) == (
        "onnxruntime, then PyTorch"
    )
    assert runtimes({"eval": evaluated("eval", older)}) == "PyTorch"
    assert runtimes({"eval": evaluated("eval", silent)}) is None
    assert runtimes({"train": evaluated("train", torch)}) is None
    assert with_runtime(older) == with_runtime({**older, "runtime": "PyTorch"})


def test_the_last_word_counts(tmp_path):
    write_status(tmp_path, {"status": "SUCCESS"}, {"status": "FAILURE", "message": "interrupted"})
    assert claims_success(tmp_path, needed=True) == "said FAILURE at last: interrupted"

    write_status(tmp_path, {"status": "FAILURE"}, {"status": "SUCCESS"})
    assert claims_success(tmp_path, needed=True) == ""


def test_no_status_file_is_a_fault_only_where_one_is_needed(tmp_path):
    assert claims_success(tmp_path, needed=True) == f"left no status.json in {tmp_path}"
    assert claims_success(tmp_path, needed=False) == ""
    assert claims_success(None, needed=True) == ""


def test_each_numerics_class_of_a_status_file_is_told_once(tmp_path):
    one, other = {"threads": 1}, {"threads": 2}
    write_status(tmp_path, {"numerics": one}, {"status": "RUNNING"}, {"numerics": other}, {"numerics": one})

    assert read_numerics(tmp_path) == [one, other]
    assert read_numerics(tmp_path / "none") == []
    assert read_numerics(None) == []


def test_why_a_number_format_was_taken_is_told_last_and_by_texts_alone(tmp_path):
    lines = [
        {"computing": {"numbers": "bf16, as asked for"}},
        {"computing": {"numbers": "auto: bf16, in which the run began"}},
        *({"computing": "fast"}, {"computing": {"numbers": 7}}, {"computing": {"device": "cpu"}}),
    ]
    (tmp_path / "status.json").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    assert read_numbers(tmp_path) == "auto: bf16, in which the run began"
    assert read_numbers(None) == read_numbers(tmp_path / "none") == ""


def test_checkpoints_are_found_by_their_epoch(tmp_path):
    for name in (
        "yolov4_resnet18_epoch_010.tlt",
        "yolov4_resnet18_epoch_9.hdf5",
        "notes.txt",
        ".x_epoch_011.pt",
    ):
        (tmp_path / name).write_text("x")

    assert [(epoch, path.suffix) for epoch, path in checkpoints(tmp_path)] == [(9, ".hdf5"), (10, ".tlt")]


def test_a_checkpoint_the_engine_has_not_told_of_may_be_half_written(tmp_path):
    (tmp_path / "weights").mkdir()
    for epoch in (1, 2, 3):
        (tmp_path / "weights" / f"yolov4_resnet10_epoch_{epoch:03d}.pt").write_text("x")
    ended = [{"status": "RUNNING", "epoch": epoch, "max_epoch": 4} for epoch in (1, 2)]
    write_status(tmp_path, *ended, {"status": "RUNNING", "phase": "epoch", "epoch": 3})

    assert [epoch for epoch, _ in whole_checkpoints(tmp_path)] == [1, 2]


def test_epochs_that_are_no_numbers_tell_of_no_checkpoint(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "yolov4_resnet10_epoch_001.pt").write_text("x")
    write_status(tmp_path, *({"epoch": epoch, "max_epoch": 4} for epoch in ("1", None, [2], {})))
    assert whole_checkpoints(tmp_path) == []

    write_status(tmp_path, {"epoch": 1, "max_epoch": 4}, {"epoch": "2", "max_epoch": 4})
    assert [epoch for epoch, _ in whole_checkpoints(tmp_path)] == [1]


def test_anchors_come_from_the_status_file(tmp_path):
    write_status(tmp_path, {"kpi": {"k-means generated anchors": "['(1.50, 2.00)', '(3.00, 4.00)']"}})

    assert read_anchors(tmp_path, tmp_path / "none") == [(1.5, 2.0), (3.0, 4.0)]


def test_anchors_come_from_the_console_where_there_is_no_status_file(tmp_path):
    log = tmp_path / "console.log"
    log.write_text(
        "(9, 9)\nPlease use following anchor sizes in YOLO config:\n(1.50, 2.00)\n(3.00, 4.00)\nTelemetry\n"
    )

    assert read_anchors(None, log) == [(1.5, 2.0), (3.0, 4.0)]


def test_scores_come_from_the_status_file_where_it_has_them(tmp_path):
    kpi = {"mAP": 0.4, "AP": {"car": 0.8, "bus": None}, "boxes": {"car": 3, "bus": 0}}
    write_status(tmp_path, {"status": "SUCCESS", "kpi": kpi})

    assert read_scores(tmp_path, TABLE) == kpi


def test_scores_come_from_the_printed_table_else(tmp_path):
    write_status(tmp_path, {"status": "SUCCESS", "kpi": {"mAP": 0.5}})
    expected = {"mAP": 0.5, "AP": {"bicycle": 0.25, "car": 0.75, "electric_bicycle": 0.5}}

    assert read_scores(tmp_path, TABLE) == expected
    assert read_scores(None, "no table") == {}


def test_a_class_without_ground_truth_has_no_ap_and_does_not_pull_the_mean_down():
    scores = {"mAP": 0.4, "AP": {"car": 0.8, "bus": 0.4, "van": 0.0}}
    boxes = {"car": 3, "bus": 2, "van": 0}

    assert metrics(scores, split="test", images=9, iou_threshold=0.5, boxes=boxes) == {
        "split": "test",
        "images": 9,
        "iou_threshold": 0.5,
        "mAP": pytest.approx(0.6),
        "mAP_tao": 0.4,
        "AP": {"car": 0.8, "bus": 0.4, "van": None},
        "boxes": boxes,
    }
