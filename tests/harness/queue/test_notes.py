import json
import multiprocessing
import os
import time

import pytest

from harness.errors import CannotTell
from harness.queue.kept_work import images_per_s, kept_unix_s
from harness.queue.notes import cost_so_far, current, machinery, start_run
from harness.queue.states import Cost
from harness.workspace.layout import Workspace, staged
from harness.workspace.lock import Holder

ME = Holder(host="login1", pid=7, started="1")


@pytest.fixture
def run(workspace):
    """A run that has just begun."""
    return start_run(Workspace(workspace), "20260101T000000-abcdef", ["all", "--seed=7"])


def test_one_run_at_a_time_is_under_way_in_a_workspace(run, workspace):
    assert current(Workspace(workspace)) == run
    with pytest.raises(FileExistsError):
        start_run(Workspace(workspace), "another", ["all"])
    run.finish({"state": "COMPLETED"})

    assert current(Workspace(workspace)) is None
    assert start_run(Workspace(workspace), "another", ["all"]).folder.name == "another"


def test_of_many_submitters_one_may_submit(run):
    fork = multiprocessing.get_context("fork")
    granted = fork.SimpleQueue()
    submitters = [fork.Process(target=lambda: granted.put(run.intend(1, 0, ME))) for _ in range(8)]
    for submitter in submitters:
        submitter.start()
    answers = [granted.get() for _ in submitters]
    for submitter in submitters:
        submitter.join()

    assert sorted(answers) == [False] * 7 + [True]


def test_the_last_to_say_so_is_who_may_be_submitting(run):
    run.intend(1, 0, ME)
    run.intend(1, 1, Holder(host="login2", pid=8, started="2"))

    holder, age_s = run.intents(1)[-1]
    assert (holder.host, run.segments()) == ("login2", 1)
    assert 0 <= age_s < 60


def test_the_first_job_of_a_segment_has_it(run):
    assert run.claim(1, "4711") == "4711"
    assert run.claim(1, "4712") == "4711"
    assert run.job(1) == "4711"


def note(run, restart, begun, ended=None, *, task="", **words):
    place = {"task": task, "restart": restart}
    start = {
        name: words.pop(name) for name in ("heard_unix_s", "kept_unix_s") if name in words and ended is None
    }
    run.note_allocation(1, "start", **place, job_id="7", host="n1", **{"unix_s": begun, **start})
    if ended is not None:
        run.note_allocation(1, "end", **place, **{"unix_s": ended, **words})


def test_allocations_follow_one_another_from_the_moment_each_could_have_begun(run):
    run.intend(1, 0, ME)
    note(run, 0, 100.0, 200.0, kept_unix_s=180.0, exit_status=143)
    note(run, 1, 260.0, 400.0, kept_unix_s=399.0, exit_status=0)
    first, second = run.allocations()

    assert (first.started_s, first.ended_s, first.kept_s, first.finished) == (100, 200, 180, False)
    assert (second.eligible_s, second.started_s, second.finished) == (200, 260, True)


def test_an_allocation_tells_the_machines_that_it_noted_and_nothing_of_others(run):
    run.intend(1, 0, ME)
    place = {"task": "", "job_id": "7", "host": "n1"}
    run.note_allocation(1, "start", restart=0, **place, unix_s=100.0, machines=2, cores=128, gpus=8)
    run.note_allocation(1, "start", restart=1, **place, unix_s=300.0, cores="many")
    first, second = run.allocations()

    assert (first.machines, first.cores, first.gpus) == (2, 128, 8)
    assert (second.machines, second.cores, second.gpus) == (None, None, None)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, {}),
        ({"SLURM_JOB_NUM_NODES": "2"}, {"machines": 2}),
        ({"SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_ON_NODE": "64"}, {"machines": 2, "cores": 128}),
        (
            {"SLURM_JOB_NUM_NODES": "1", "SLURM_CPUS_ON_NODE": "8", "SLURM_GPUS_ON_NODE": "4"},
            {"machines": 1, "cores": 8, "gpus": 4},
        ),
        ({"SLURM_JOB_NUM_NODES": "1", "SLURM_GPUS_ON_NODE": "gpu:4"}, {"machines": 1}),
        ({"SLURM_GPUS_ON_NODE": "4"}, {}),
    ],
)
def test_a_job_has_what_slurm_says_times_its_nodes(environ, told):
    assert machinery(environ) == told


def test_an_allocation_that_was_killed_ends_where_the_next_one_last_heard_of_it(run):
    run.intend(1, 0, ME)
    note(run, 0, 100.0)
    note(run, 1, 260.0, heard_unix_s=190.0, kept_unix_s=150.0)
    killed, _ = run.allocations()

    assert (killed.ended_s, killed.kept_s, killed.finished) == (190, 150, False)


def test_the_last_allocation_that_was_killed_ends_where_its_log_ends(run):
    run.intend(1, 0, ME)
    note(run, 0, 100.0)
    run.log(1).write_text("working")
    os.utime(run.log(1), (170, 170))
    (killed,) = run.allocations()

    assert (killed.ended_s, killed.kept_s, killed.finished) == (170, 100, False)


def test_what_the_last_allocation_finished_before_it_was_killed_is_kept(run, workspace):
    run.intend(1, 0, ME)
    note(run, 0, 100.0)
    run.log(1).write_text("working")
    os.utime(run.log(1), (170, 170))
    markers = Workspace(workspace).marker("train").parent
    markers.mkdir(exist_ok=True)
    for stage, changed_s in (("download", 90), ("verify", 150), ("train", 180)):  # the last by a later run
        (markers / f"{stage}.json").write_text("{}")
        os.utime(markers / f"{stage}.json", (changed_s, changed_s))

    (killed,) = run.allocations()

    assert killed.kept_s == 150


def test_an_allocation_that_may_be_at_work_is_not_among_those_that_are_over(run):
    run.intend(1, 0, ME)
    note(run, 0, 100.0)
    note(run, 1, 260.0, heard_unix_s=190.0)

    assert [one.started_s for one in run.allocations(are_over=True)] == [100]
    assert len(run.allocations()) == 2
    run.finish({"state": "NODE_FAIL"})
    assert [one.started_s for one in run.allocations(are_over=True)] == [100, 260]


def test_the_end_notes_are_those_of_the_newest_allocation(run):
    note(run, 0, 100.0, 200.0, goes_on="requeue")
    assert run.end_notes(1)[""]["goes_on"] == "requeue"
    note(run, 1, 300.0)
    assert run.end_notes(1) == {"": {}}


def test_a_job_that_never_ran_has_no_allocations_and_no_end_notes(run):
    run.intend(1, 0, ME)

    assert (run.allocations(), run.end_notes(1)) == ([], {})


def test_the_rate_of_training_is_what_the_newest_try_said_last(workspace):
    tries = Workspace(workspace).attempts / "train"
    for name, rates in (("1", [8.0, 9.0]), ("2", [10.0, 11.0]), ("3", [])):
        staged(tries / name, "experiment").mkdir(parents=True)
        lines = [json.dumps({"status": "RUNNING", "message": "", "images_per_s": rate}) for rate in rates]
        (staged(tries / name, "experiment") / "status.json").write_text(
            "\n".join([*lines, '{"status": "FAILURE"}'])
        )

    assert images_per_s(Workspace(workspace)) == 11.0
    with (staged(tries / "3", "experiment") / "status.json").open("a") as stream:
        stream.write('\n{"images_per_s": "fast"}\n{"images_per_s": null}\n')
    assert images_per_s(Workspace(workspace)) == 11.0
    assert images_per_s(Workspace(workspace / "another")) is None


def test_a_record_that_is_closed_in_a_job_is_told_what_its_run_has_cost_by_then(run, workspace, monkeypatch):
    run.intend(1, 0, ME)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    run.note_job(1, "7")
    # 100 s in the queue, 300 s on a node that went down with a bench of which nothing was kept; 200 s in the
    # queue, and 900 s of work until now: of 1,200 s three quarters were of use.
    note(run, 0, 1100.0)
    note(run, 1, 1600.0, heard_unix_s=1400.0, kept_unix_s=0.0)
    monkeypatch.setattr(time, "time", lambda: 2500.0)

    found = cost_so_far(Workspace(workspace), {"SLURM_JOB_ID": "7"})
    assert found == Cost(
        stays=2, queue_s=300, allocated_s=1200, lost_s=300, lost_steps=None, goodput_pct=75.0
    )
    assert cost_so_far(Workspace(workspace), {"SLURM_JOB_ID": "8"}) is None
    assert cost_so_far(Workspace(workspace), {}) is None


def test_of_repeats_each_waited_for_the_one_before_it(run, workspace, monkeypatch):
    run.intend(1, 0, ME)
    monkeypatch.setattr(time, "time", lambda: 100.0)
    run.note_job(1, "7")
    for number, begun in ((9, 110.0), (10, 320.0)):
        note(run, 0, begun, begun + 200.0, task=str(number), exit_status=0)
    monkeypatch.setattr(time, "time", lambda: 400.0)

    tenth = {"SLURM_JOB_ID": "17", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "10"}
    assert cost_so_far(Workspace(workspace), tenth).queue_s == 10
    assert [each.started_s for each in run.allocations()] == [110, 320]


def test_what_seeds_finish_counts_as_finished(workspace):
    assert kept_unix_s(Workspace(workspace)) == 0.0
    marker = Workspace(workspace / ".seeds" / "43").marker("train")
    marker.parent.mkdir(parents=True)
    marker.write_text("{}")
    os.utime(marker, (1234.0, 1234.0))
    assert kept_unix_s(Workspace(workspace)) == 1234.0


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"job_id": 4711}', '{"task": 3}', "[" * 100_000])
@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("job-1.json", lambda run: run.job(1)),
        ("claim-1.json", lambda run: run.claim(1, "4712")),
        ("stay-1--0.start.json", lambda run: run.end_notes(1)),
        ("stay-1--0.start.json", lambda run: run.heard_unix_s(1)),
        ("stay-1--0.end.json", lambda run: run.open_starts(1)),
        ("job-1.json", lambda run: run.allocations()),
    ],
)
def test_a_note_that_nobody_can_read_is_not_taken_for_none(run, content, name, question):
    run.intend(1, 0, ME)
    note(run, 0, 100.0, 200.0, exit_status=0)
    (run.folder / name).write_text(content)
    with pytest.raises(CannotTell, match=f"{name} cannot be read, or holds no note"):
        question(run)


def test_files_of_others_among_the_notes_are_passed_over(run):
    run.intend(1, 0, ME)
    for name in ("intent-x.0.json", "intent-2", "intent-1.y.json", ".intent-9.0.json.7.part"):
        (run.folder / name).write_text("{}")
    assert (run.segments(), len(run.intents(1))) == (1, 1)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../.."])
def test_a_run_whose_folder_lies_elsewhere_is_none(run, workspace, name):
    path = Workspace(workspace).jobs / "current.json"
    path.write_text(json.dumps({"run": name, "command": ["all"]}))
    with pytest.raises(CannotTell, match="or holds no run"):
        current(Workspace(workspace))
    path.write_text(json.dumps({"run": "a", "command": 5}))
    with pytest.raises(CannotTell, match="or holds no run"):
        current(Workspace(workspace))
