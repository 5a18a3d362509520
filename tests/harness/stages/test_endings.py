"""A run says of each stage what became of it, by its own attempt and the markers, no more than it knows."""

import dataclasses
import json
import os
import re
import shutil
import signal

import pytest

from harness.process.signals import Interrupted
from harness.stages import scheduling
from harness.stages.scheduling import Answer
from harness.stages.workflow import KINDS, RunInterrupted, run
from harness.workspace.layout import Workspace
from harness.workspace.marker import forget
from tests.waiting import until


@pytest.fixture
def undone(done):
    """Takes the markers of stages away; the folder of the workspace."""

    def forget_stages(*stages):
        for stage in stages:
            forget(Workspace(done.workspace), stage)
        return done.workspace

    return forget_stages


@pytest.fixture
def run_with(done, settings, monkeypatch):
    """Runs export with `work(stage, run_id)` in the place of luigi: the endings, by stage."""

    def start(work, *, via_make=False):
        def run_stages(chosen, kinds, *, run_id, done, verbose):
            return work(KINDS["export"](chosen), run_id)

        monkeypatch.setattr(scheduling, "run_stages", run_stages)
        forget(Workspace(done.workspace), "export")
        chosen = dataclasses.replace(settings(), via_make=via_make)
        return {ending.stage: ending for ending in run(chosen, ["export"], verbose=False)}

    return start


@pytest.mark.parametrize("stage", ["export", "tune-bdb"])
def test_a_stage_that_cannot_begin_its_attempt_fails_in_words_in_whichever_process_it_runs(
    undone, done, stage
):
    workspace = undone(stage)
    shutil.rmtree(workspace / ".attempts" / stage)
    (workspace / ".attempts" / stage).write_text("in the way")

    printed = done(stage, status=1)

    assert f"jamcam: {stage}: Not a directory: {workspace}/.attempts/{stage}/" in printed
    assert "try: move away what is in its place, then jamcam" in printed
    assert re.search(rf"^{stage} +FAILED$", printed, re.MULTILINE)


def test_a_run_is_not_judged_by_an_attempt_of_another_run(undone, done, tmp_path):
    workspace, pid = undone("export"), tmp_path / "pid"
    process = done.start("export", FAKE_YOLO_V4="export=hang", FAKE_YOLO_V4_PID=str(pid))
    until(lambda: pid.exists() and pid.read_text(), process=process)
    other = workspace / ".attempts" / "export" / "21990101T000000.000000-1"
    other.mkdir()
    (other / "outcome.json").write_text('{"status": "done"}')

    os.kill(int(pid.read_text()), signal.SIGKILL)
    printed, _ = process.communicate(timeout=30)

    assert process.returncode == 1, printed
    assert "jamcam: export: yolo_v4 export ended with exit status -9" in printed


def test_an_attempt_notes_the_run_it_belongs_to(undone, done):
    workspace = undone("vis", "export")
    done("all")

    folders = [max((workspace / ".attempts" / stage).iterdir()) for stage in ("vis", "export")]
    vis, export = (json.loads((folder / "request.json").read_text())["run_id"] for folder in folders)
    assert vis == export != ""


def test_a_stage_whose_marker_is_gone_when_the_run_ends_is_not_done(run_with):
    def work(stage, run_id):
        stage.run(run_id)
        forget(stage.workspace, "export")
        return Answer(early_ends={}, complaint="")

    ending = run_with(work)["export"]

    assert ending.outcome == "failed"
    assert ending.error.message == (
        "export was done, and is no longer (not run yet); does another run work in this workspace?"
    )


def test_a_stage_that_nobody_tried_is_not_reached_and_luigis_words_are_the_reason(run_with):
    endings = run_with(lambda stage, run_id: Answer(early_ends={}, complaint="there were tasks not granted"))

    assert {name: ending.outcome for name, ending in endings.items() if name != "export"} == dict.fromkeys(
        ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train"), "kept"
    )
    assert endings["export"].outcome == "not reached"
    assert endings["export"].error.message == "export was not reached: there were tasks not granted"
    assert endings["export"].error.exit_status == 1


@pytest.mark.parametrize("via_make", [False, True])
def test_where_luigi_complains_of_a_run_whose_stages_are_all_there_nobody_can_tell(run_with, via_make):
    def work(stage, run_id):
        stage.run(run_id)
        return Answer(early_ends={}, complaint="there were failed tasks")

    error = run_with(work, via_make=via_make)["export"].error

    assert error.remedy.startswith("jamcam export --verbose --recipe=")  # make has no such option
    assert error.message == "every stage has its marker, but it did not end well: there were failed tasks"
    assert error.exit_status == 5


def test_what_goes_wrong_after_a_stage_is_done_is_told_as_the_reason(run_with):
    def work(stage, run_id):
        stage.run(run_id)
        end = {
            "status": "failed",
            "message": "export: Permission denied at x",
            "remedy": "",
            "exit_status": 1,
        }
        return Answer(early_ends={"export": end}, complaint="there were failed tasks")

    error = run_with(work)["export"].error

    assert error.message.endswith("but it did not end well: export: Permission denied at x")


def test_a_process_that_is_killed_before_its_attempt_exists_fails_the_run(run_with):
    ending = run_with(lambda stage, run_id: Answer(early_ends={"export": None}, complaint=""))["export"]

    assert (ending.outcome, ending.log) == ("failed", None)
    assert ending.error.message.startswith("export ended without a word")


def test_an_interruption_between_two_stages_is_told_of_the_next_one(run_with):
    def work(stage, run_id):
        raise Interrupted(15)

    with pytest.raises(RunInterrupted) as caught:
        run_with(work)

    assert caught.value.signal == 15
    endings = {ending.stage: ending for ending in caught.value.endings}
    assert (endings["train"].outcome, endings["export"].outcome) == ("kept", "interrupted")
    assert endings["export"].error.exit_status == 143


def test_an_interrupted_run_ends_with_its_table(undone, done, tmp_path):
    undone("vis", "export")
    pid = tmp_path / "pid"
    process = done.start("all", FAKE_YOLO_V4="vis=hang export=hang inference=hang", FAKE_YOLO_V4_PID=str(pid))
    until(lambda: pid.exists() and pid.read_text(), process=process)

    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=30)

    assert process.returncode == 130, printed
    assert "eval          was done\nvis           interrupted\nexport        not reached\n" in printed
    assert "jamcam: interrupted by signal 2 (SIGINT)" in printed


def test_a_stage_ends_with_the_places_of_its_products_which_are_there(undone, done):
    workspace = undone("export")

    said = next(line for line in done("export").splitlines() if line.startswith("export | done in "))

    path = said.partition("; saved as ")[2]
    assert path == f"{workspace}/experiment/export"
    assert (workspace / "experiment" / "export" / "yolov4_resnet10.onnx").exists()
