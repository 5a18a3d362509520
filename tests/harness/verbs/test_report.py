"""`jamcam report` and `jamcam cost`, as people type them."""

import importlib.util
import os

import pytest

from harness.cli import main
from tests.harness import made
from tests.harness.report.overview.places import lay_out, lay_out_records


@pytest.fixture
def places(tmp_path):
    lay_out(tmp_path / "workspace")
    lay_out_records(tmp_path / "results", made.record(rates=[30.0, 31.0]))
    return [f"--workspace={tmp_path / 'workspace'}", f"--results={tmp_path / 'results'}"]


def test_a_page_is_written_into_the_workspace_and_its_size_told(places, tmp_path, capsys):
    pytest.importorskip("jinja2")
    assert main(["report", *places]) == 0
    page = tmp_path / "workspace" / "report.html"
    assert capsys.readouterr().out == f"report: {page} ({page.stat().st_size / 1000:.0f} kB)\n"
    assert page.read_bytes().startswith(b"<!DOCTYPE html>")


def test_the_same_input_gives_the_same_bytes(places, tmp_path):
    pytest.importorskip("jinja2")
    page = tmp_path / "workspace" / "report.html"
    contents = set()
    for _ in range(2):
        assert main(["report", *places]) == 0
        contents.add(page.read_bytes())
    assert len(contents) == 1


def test_text_writes_nothing(places, tmp_path, capsys):
    assert main(["report", "--text", *places]) == 0
    assert capsys.readouterr().out.startswith("JamCam report, harness ")
    assert not (tmp_path / "workspace" / "report.html").exists()


def test_several_workspaces_stand_side_by_side(places, tmp_path, capsys):
    lay_out(tmp_path / "other")
    assert main(["report", str(tmp_path / "workspace"), str(tmp_path / "other"), "--text", places[1]]) == 0
    told = capsys.readouterr().out
    assert "RUN workspace" in told
    assert "RUN other" in told
    assert "A: workspace" in told


def test_a_workspace_that_is_not_there_is_told_with_one_that_is(places, tmp_path, capsys):
    assert main(["report", str(tmp_path / "workspac"), "--text"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"jamcam: there is no workspace {tmp_path / 'workspac'}\n")
    assert f"write {tmp_path / 'workspace'}" in told


def test_nothing_to_tell_cannot_be_told(tmp_path, capsys):
    words = [f"--workspace={tmp_path / 'none'}", f"--results={tmp_path / 'no'}"]
    assert main(["report", *words]) == 5
    assert "neither a run in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_cost_tells_what_a_workspace_and_records_cost(places, capsys):
    assert main(["cost", *places, "--power-w=200", "--gco2e-per-kwh=100"]) == 0
    told = capsys.readouterr().out
    assert "workspace workspace: 4 tries or records, 2 of them not finished" in told
    assert "by a declared power" in told
    assert "g, at 100 g/kWh" in told


@pytest.mark.parametrize("value", ["much", "-1", "nan", "inf"])
def test_a_power_that_is_no_power_is_refused(places, value, capsys):
    assert main(["cost", *places, f"--power-w={value}"]) == 2
    assert "expected a number of 0 or more" in capsys.readouterr().err


def test_without_jinja2_there_is_the_text(places, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    monkeypatch.delitem(__import__("sys").modules, "harness.report.overview.page", raising=False)
    assert main(["report", *places]) == 2
    assert "TEXT=1" in capsys.readouterr().err
    assert main(["report", "--text", *places]) == 0


def test_a_reader_who_may_not_write_is_told_so(places, tmp_path, capsys):
    if os.geteuid() == 0 or importlib.util.find_spec("jinja2") is None:
        pytest.skip("root may write everywhere")
    (tmp_path / "workspace").chmod(0o555)
    assert main(["report", *places]) == 1
    assert "Permission denied" in capsys.readouterr().err
