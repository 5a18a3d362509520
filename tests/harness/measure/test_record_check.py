"""Records that say what cannot be are refused in words; each number is impossible by its meaning alone."""

import json
import shutil

import pytest

from harness.errors import DataError
from harness.measure.record_check import require_possible
from harness.measure.record_files import read_phases, read_record, read_records
from tests.harness.made import record, run

CLOSED = "20260301T101500Z-train-1a2b"


@pytest.fixture
def folder(checkout, tmp_path):
    """A copy of the record made by hand."""
    shutil.copytree(checkout / "tests" / "fixtures" / "results", tmp_path / "results")
    return tmp_path / "results" / "local" / CLOSED


def put(table, where, value):
    *path, last = where
    for key in path:
        table = table[key]
    table[last] = value


@pytest.mark.parametrize(
    ("where", "value", "complaint"),
    [
        (("runs", 0, "energy", 0, "energy_j"), -5.0, "energy_j: found -5.0, expected 0 or more"),
        (("runs", 0, "energy", 0, "coverage_pct"), 150.0, "coverage_pct: found 150.0, expected 100 or less"),
        (("runs", 0, "duration_s"), -1.0, "duration_s: found -1.0, expected 0 or more"),
        (("runs", 0, "images"), -1, "images: found -1, expected 0 or more"),
        (("runs", 0, "measurements", 0, "values"), [-3.0], "values|found -3.0, expected 0 or more"),
        (("machine", "cores"), -2, "cores: found -2"),
        (("machine", "memory_bytes"), -1, "memory_bytes: found -1"),
        (("probe", "missed_beats"), -1, "missed_beats: found -1"),
        (("probe", "gaps_s"), [-4.0], "gaps_s 0: found -4.0"),
        (("observed", "other_cpu_pct"), 130.0, "other_cpu_pct: found 130.0, expected 100 or less"),
        (("observed", "throttled_pct"), {"power cap": 101.0}, "throttled_pct power cap: found 101.0"),
        (("verdict",), {"word": "x", "why": "", "figures": {"wait_pct": 120.0}}, "wait_pct: found 120.0"),
        (("series", 0, "samples"), -1, "samples: found -1"),
        (("conditions", "batch"), "eight", "batch: found 'eight', expected a whole number of 0 or more"),
        (("conditions", "gpus"), -1, "gpus: found -1, expected a whole number"),
        (("conditions", "batch"), 4.5, "batch: found 4.5"),
        (("conditions", "nodes"), True, "nodes: found True"),
        (("facts",), {"flops_per_image": -1}, "facts: flops_per_image: found -1, expected 0 or more"),
        (("runs", 0), None, "found None, expected a value of type Run"),
    ],
)
def test_what_cannot_be_is_refused_in_words(folder, where, value, complaint):
    path = folder / "record.json"
    table = json.loads(path.read_text())
    put(table, where, value)
    path.write_text(json.dumps(table))

    with pytest.raises(DataError, match=complaint) as caught:
        read_record(folder)
    assert "restore it with git" in caught.value.remedy
    assert len(read_records(folder.parents[1])[1]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("mAP", 1.2), ("epoch_mAP", -0.1), ("matmul_share_pct", 140.0), ("train_images_per_s", -1.0)],
)
def test_measurements_are_within_what_their_name_allows(name, value):
    with pytest.raises(Exception, match=rf"a file: runs 1: {name} 0: found {value}"):
        require_possible(record(runs=[run(1, {name: [value]})]), where="a file")


def test_changes_losses_and_what_was_not_measured_may_be_anything():
    free = {"epoch_loss": [-2.0], "sampler_change_pct": [-0.4], "weak_efficiency_pct": [104.0], "mAP": [None]}
    require_possible(record(runs=[run(1, free)]), where="a file")


@pytest.mark.parametrize(
    "line",
    [
        "null",
        "[]",
        '{"phase": 3, "started_unix_s": 1.0, "duration_s": 1.0}',
        '{"phase": "epoch", "started_unix_s": "now", "duration_s": 1.0}',
        '{"phase": "epoch", "started_unix_s": 1.0}',
        '{"phase": "epoch", "started_unix_s": 1.0, "duration_s": NaN}',
        '{"phase": "epoch", "started_unix_s": 1.0, "duration_s": 1.0, "wait_s": [0.1], "work_s": []}',
        '{"phase": "epoch", "started_unix_s": 1.0, "duration_s": 1.0, "wait_s": ["a"], "work_s": [1]}',
    ],
)
def test_a_line_of_phases_that_is_none_is_refused_in_words(folder, line):
    path = folder / "phases.jsonl"
    whole = len(path.read_text().splitlines())
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(DataError, match=f"phases.jsonl: line {whole + 1} is not of a phase: ") as caught:
        read_phases(folder)
    assert "restore it with git" in caught.value.remedy


def test_a_null_among_the_runs_of_a_case_that_was_cut_short_is_refused_in_words(folder):
    cut = folder.with_name("20260302T090000Z-evaluate-9f8e")
    with (cut / "runs.jsonl").open("a") as stream:
        stream.write("\nnull\n")

    with pytest.raises(DataError, match=r"runs\.jsonl: found None, expected a table"):
        read_record(cut)
