"""Too few boxes for nine anchors are told as what they are, not as flags of the engine."""

import json

import pytest

from harness.errors import StageFailed
from harness.settings.declared import SPECS
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


@pytest.fixture
def by_stride(tmp_path):
    """A recipe whose anchors are divided by stride."""
    recipe = tmp_path / "finer.toml"
    recipe.write_text('anchors = "by-stride"\n' + (SPECS / "recipes" / "smoke.toml").read_text())
    return str(recipe)


def test_each_grid_has_anchors_of_the_boxes_that_it_is_fine_enough_for(dataset, run, by_stride):
    boxes = b"0 0.5 0.5 0.05 0.05\n0 0.2 0.2 0.05 0.05\n"
    changes = {f"day{number % 3}/f{number:02d}.txt": boxes for number in range(12)}

    workspace = run(dataset(changes), *BEFORE, TuneBdb, recipe=by_stride)

    anchors = json.loads((workspace / "experiment" / "anchors.json").read_text())
    assert anchors["small"] == [[8, 6], [12, 11], [16, 16]]  # of the engine, asked for three
    lengths_px = [[(width * height) ** 0.5 for width, height in anchors[scale]] for scale in ("mid", "big")]
    assert lengths_px == [pytest.approx([48, 64, 80]), pytest.approx([96, 128, 160])]  # 3 to 5 cells: no box


def test_fewer_boxes_than_anchors_need_are_counted_by_stride_too(dataset, run, by_stride):
    with pytest.raises(StageFailed, match="the training frames have 8 boxes, and 9 anchors need more"):
        run(dataset(), *BEFORE, TuneBdb, recipe=by_stride)


def test_another_division_finds_other_anchors(dataset, run, by_stride, settings):
    source = str(dataset())
    thirds = TuneBdb(settings(dataset=source)).inputs()

    assert TuneBdb(settings(dataset=source, recipe=by_stride)).inputs() == {**thirds, "divided": "by-stride"}
