"""The text of made-up facts, whole; and that it fits a terminal whatever is in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.overview.columns import WIDTH, width
from harness.report.overview.gather import Wanted, gather
from harness.report.overview.text import cost_lines, text
from tests.harness import made
from tests.harness.report.overview.places import lay_out, lay_out_records

GOLDEN = Path(__file__).with_name("report.txt")


def gathered(tmp_path, *, name="car", **more):
    lay_out(tmp_path / "workspace", name=name)
    for day, rates in ((1, (30.0, 31.0, 32.0)), (2, (20.0, 21.0, 22.0))):
        started, bench = f"2026-03-0{day}T10:00:00Z", f"2026030{day}T100000Z-0000"
        record = made.record(rates=rates, started=started, bench=bench, **more)
        lay_out_records(tmp_path / "results", record)
    return gather(
        Wanted(
            workspaces=(tmp_path / "workspace",),
            results=tmp_path / "results",
            beside=tmp_path / "workspace",
            power_w=200.0,
        )
    )


def test_the_text_of_a_run_and_its_records_is_this(tmp_path):
    lines = text(replace(gathered(tmp_path), version="1.2.3"))
    shown = "\n".join(lines) + "\n"
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_every_line_fits_eighty_columns_whatever_others_wrote(tmp_path):
    long = "차" * 90 + "<script>alert(1)</script>" + "x" * 300
    it = gathered(tmp_path, name=long, platform="p" * 60)
    lines = text(it)
    assert [line for line in lines if width(line) > WIDTH] == []
    assert all("\x1b" not in line for line in lines)


def test_costs_of_nothing_are_nothing():
    assert cost_lines([], None) == ["  nothing: there is neither a run nor a record"]


def test_what_is_not_known_is_never_0(tmp_path):
    lay_out(tmp_path / "workspace")
    for request in (tmp_path / "workspace").rglob("request.json"):
        request.write_text('{"started_utc": "2026-03-01T10:00:00Z"}')
    it = gather(Wanted(workspaces=(tmp_path / "workspace",), results=tmp_path / "none", beside=tmp_path))
    told = [
        line.split("  ")[-1].strip()
        for line in cost_lines(it.costs, None)
        if "core time" in line or "energy" in line
    ]
    assert told == ["not recorded", "not recorded"]


@pytest.mark.parametrize("name", ["metrics.json", "detections.jsonl", "yolov4_training_log_resnet10.csv"])
def test_what_is_missing_is_said(tmp_path, name):
    lay_out(tmp_path / "workspace")
    (tmp_path / "workspace" / "experiment" / name).unlink()
    it = gather(Wanted(workspaces=(tmp_path / "workspace",), results=tmp_path / "none", beside=tmp_path))
    assert any("not recorded" in line for line in text(it))
