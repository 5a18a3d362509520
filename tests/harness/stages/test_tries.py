"""Tries as they are read back: from folders that the test wrote, and from a workspace that a run made."""

import json
import os

import pytest

from harness.clock import utc
from harness.stages.tries import Fate, read_tries
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, take
from tests.harness import made

START_S = 1_772_360_000.0


@pytest.fixture
def room(workspace):
    return Workspace(workspace)


def attempt(
    room, stage="train", *, start_s=START_S, lasted_s=60.0, status="done", log="", told=(), **request
):
    """The folder of a try as a run left it; `told` are phases of its engine."""
    folder = room.attempts / stage / f"{start_s:.0f}"
    folder.mkdir(parents=True)
    asked = {"started_utc": utc(start_s), "fingerprint": "f", **request}
    (folder / "request.json").write_text(json.dumps(asked))
    if status:
        outcome = {"status": status, "finished_utc": utc(start_s + lasted_s), "message": f"it {status}"}
        (folder / "outcome.json").write_text(json.dumps(outcome))
    (folder / "console.log").write_text(log)
    (folder / "status.json").write_text("".join(json.dumps(row) + "\n" for row in told))
    return folder


def test_a_try_is_read_with_what_it_was_asked_and_how_it_ended(room):
    attempt(
        room,
        log="starting: epochs was 2, is now 3\nhello\n",
        cores=2,
        gpus=1,
        machines=1,
        settings={"epochs": {"value": "3", "origin": "command line"}},
    )
    (one,) = read_tries(room)
    assert (one.stage, one.fate, one.lasted_s, one.kept_s) == ("train", Fate.DONE, 60.0, 60.0)
    assert one.why == "epochs was 2, is now 3"
    assert one.settings == {"epochs": ("3", "command line")}
    assert (one.cores, one.machines) == (2, 1)
    assert one.log == f".attempts/train/{START_S:.0f}/console.log"


@pytest.mark.parametrize(
    ("status", "fate"), [("failed", Fate.FAILED), ("interrupted", Fate.INTERRUPTED), ("", Fate.CUT_SHORT)]
)
def test_a_try_that_came_to_nothing_kept_nothing(room, status, fate):
    attempt(room, status=status)
    (one,) = read_tries(room)
    assert (one.fate, one.kept_s, one.fate.is_good) == (fate, 0.0, False)


def test_a_try_whose_end_nobody_noted_was_heard_of_up_to_its_last_phase(room):
    attempt(room, status="", told=made.training_phases(start_s=START_S))
    (one,) = read_tries(room)
    assert one.ended_s is None
    assert one.lasted_s == pytest.approx(9.8)


def test_what_a_later_try_went_on_from_is_kept_although_its_files_are_gone(room):
    told = made.training_phases(start_s=START_S)  # two epochs, saved after 5.9 and 9.8 seconds
    first = attempt(room, status="interrupted", lasted_s=12.0)
    later_told = [*told, *made.training_phases(start_s=START_S + 1000)]
    log = f"starting: x\ngoes on after epoch 1 of the try {first.name}\n"
    attempt(room, start_s=START_S + 1000, log=log, told=later_told)
    cut, done = read_tries(room)
    assert cut.kept_s == pytest.approx(2.0 + 3.5 + 0.25 + 0.15)
    assert {one["phase"] for one in cut.phases} >= {"epoch", "checkpoint"}
    assert all(one["started_unix_s"] >= START_S + 999 for one in done.phases)


def test_a_try_under_way_is_told_by_the_lock(room):
    room.root.mkdir()
    take(room, Holder(host="node7", pid=7, started=""))
    os.utime(room.lock, (START_S - 5, START_S - 5))
    attempt(room, status="")
    (one,) = read_tries(room)
    assert one.fate is Fate.UNDER_WAY


def test_gpus_count_where_the_engine_computed_on_one_and_are_unknown_where_it_does_not_say(room):
    devices = (("train", "cuda"), ("eval", "cpu"), ("vis", None), ("verify", None))
    for place, (stage, device) in enumerate(devices):
        told = [{"numerics": {"threads": 2}, "computing": {"device": device}}] if device else []
        attempt(room, stage, start_s=START_S + 100 * place, told=told, gpus=4)
    gpus = {one.stage: one.gpus for one in read_tries(room)}
    assert gpus == {"train": 4, "eval": 0, "vis": None, "verify": 0}


def test_tries_taken_back_are_told_apart(room):
    folder = attempt(room)
    outcome = json.loads((folder / "outcome.json").read_text())
    (folder / "outcome.json").write_text(json.dumps({**outcome, "taken_back": True}))
    assert read_tries(room)[0].fate is Fate.TAKEN_BACK


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "[]",
        "{",
        json.dumps({"started_utc": 7, "cores": "many", "settings": ["x"], "gpus": -1}),
        json.dumps({"started_utc": "9999999-01-01", "settings": {"a": {"value": {"deep": []}}, "b": 1}}),
    ],
)
def test_a_folder_that_makes_no_sense_is_a_try_of_which_nothing_is_known(room, request_text):
    folder = attempt(room)
    (folder / "request.json").write_text(request_text)
    (one,) = read_tries(room)
    assert (one.started_s, one.cores, one.lasted_s) == (None, None, None)


def test_lines_of_a_status_file_that_make_no_sense_are_no_phases(room):
    rows = [
        {"phase": "epoch", "started_unix_s": 1e300, "duration_s": 1e300},
        {"phase": "epoch", "started_unix_s": "now", "duration_s": 1},
        {"phase": 7},
    ]
    attempt(room, told=rows)
    assert [one["phase"] for one in read_tries(room)[0].phases if one["phase"] == "epoch"] == []


def test_links_are_no_tries(room, tmp_path):
    attempt(room)
    (room.attempts / "train" / "elsewhere").symlink_to(tmp_path)
    assert len(read_tries(room)) == 1


def test_a_workspace_that_is_not_there_has_no_tries(room):
    assert read_tries(room) == []


def test_control_characters_of_a_log_are_shown_as_escapes(room):
    attempt(room, log="starting: \x1b[2Jgone\n")
    assert read_tries(room)[0].why == r"\x1b[2Jgone"


def test_every_stage_of_a_run_has_a_try_that_says_why_it_ran(done):
    tries = read_tries(Workspace(done.workspace))
    assert len(tries) == 9
    assert {one.fate for one in tries} == {Fate.DONE}
    assert all(one.why == "not run yet" for one in tries)
    assert all(one.settings["recipe"] == ("smoke", "command line") for one in tries)
    assert all(one.cores for one in tries)
