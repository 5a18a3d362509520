"""Too few boxes for nine anchors are told as what they are, not as flags of the engine."""

import pytest

from harness.errors import StageFailed
from harness.stages.download import Download
from harness.stages.gen_valid import GenValid
from harness.stages.tune_bdb import TuneBdb
from harness.stages.verify import Verify

BEFORE = (Download, Verify, GenValid)


def test_fewer_boxes_than_anchors_need_are_counted(dataset, run, monkeypatch):
    monkeypatch.setenv("FAKE_YOLO_V4", "kmeans=crash")

    with pytest.raises(StageFailed) as failed:
        run(dataset(), *BEFORE, TuneBdb)  # 12 frames of a box each, 3 of them for test

    assert failed.value.message == "tune-bdb: the training frames have 8 boxes, and 9 anchors need more"
    assert failed.value.remedy.startswith("label more frames")


def test_another_failure_of_the_engine_keeps_its_words(dataset, run, monkeypatch):
    monkeypatch.setenv("FAKE_YOLO_V4", "kmeans=crash")
    boxes = b"0 0.5 0.5 0.25 0.5\n1 0.25 0.25 0.25 0.25\n"
    changes = {f"day{number % 3}/f{number:02d}.txt": boxes for number in range(12)}

    with pytest.raises(StageFailed, match="yolo_v4 kmeans ended with exit status 1"):
        run(dataset(changes), *BEFORE, TuneBdb)
