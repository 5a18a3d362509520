"""Runs through a real Slurm: how each ends, in which words, and that nothing is submitted twice."""

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness.measure.record_files import read_records
from harness.workspace.marker import STAGES
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.system]

# A controller writes jobs to its disk every few seconds; one that began later is forgotten when it is killed.
STATE_SAVED_S = 10.0


def test_a_run_goes_through_the_queue_and_a_second_one_has_nothing_to_submit(run):
    one = run(verb=("all",))

    assert one.start().end() == 0
    assert one.done() >= {*STAGES}
    assert one.jobs() == [(one.job(), "COMPLETED")]
    (outcome,) = one.outcomes
    assert (outcome["state"], outcome["stays"], outcome["links"], outcome["lost_s"]) == ("COMPLETED", 1, 1, 0)
    assert outcome["queue_s"] >= 0
    assert outcome["goodput_pct"] == 100

    assert one.start().end() == 0
    assert len(one.jobs()) == 1


def test_a_failed_command_ends_with_its_last_words_its_status_and_the_command_that_goes_on(run):
    one = run()

    assert one.start(misbehave="train=crash").end() == 1
    assert f"jamcam: job {one.job()} ended as FAILED: its command failed; last lines of" in one.printed
    assert "the engine's last words" in one.printed
    words = f"--recipe=smoke --engine=here --workspace={one.workspace} --platform={one.declared}"
    assert one.printed.splitlines()[-1] == f"  try: jamcam train {words}"
    assert one.start().end() == 0
    assert "train" in one.done()


def test_a_cancelled_job_ends_as_that(run):
    one = run().start(misbehave="train=hang")
    one.sees("train | starting")
    one.cluster.ask("scancel", one.job())

    assert one.end() == 1
    assert f"job {one.job()} ended as CANCELLED: somebody cancelled it" in one.printed
    assert one.outcomes[-1]["state"] == "CANCELLED"
    assert one.start().end() == 0
    assert len(one.jobs()) == 2


def test_a_job_cancelled_before_it_ran_ends_as_that_too(run):
    one = run().start(options=["--hold"])
    one.sees("PENDING (JobHeldUser)")
    one.cluster.ask("scancel", one.job())

    assert one.end() == 1
    assert f"job {one.job()} ended as CANCELLED" in one.printed
    assert "(it printed nothing)" in one.printed


def test_a_submitter_that_was_killed_finds_its_job_again(run):
    one = run().start(misbehave="train=hang-after-1")
    one.sees("Epoch 1/2")
    one.kill()
    job = one.job()
    one.start()
    until(lambda: one.printed.count(f"waiting for job {job}") == 2, 200)
    one.cluster.ask("scancel", "--batch", "--signal=USR1", job)

    assert one.end() == 0
    assert one.jobs() == [(job, "COMPLETED")]


def test_a_run_whose_end_nobody_was_there_to_see_is_concluded_by_the_same_command(run):
    one = run().start(misbehave="train=slow")
    one.sees("Epoch 1/2")
    one.kill()
    until(lambda: one.jobs() == [(one.job(), "COMPLETED")], 200)
    assert one.outcomes == []

    assert one.start().end() == 0
    assert [outcome["state"] for outcome in one.outcomes] == ["COMPLETED"]
    assert not (one.workspace / ".jobs" / "current.json").exists()
    assert len(one.jobs()) == 1


def test_a_submitter_killed_before_it_learned_the_number_of_its_job_submits_no_second_one(run, tmp_path):
    one = run()
    # The job is taken, and its submitter dies before the answer comes: the worst moment there is.
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(
        f'#!/bin/sh\n{shutil.which("sbatch")} --hold "$@" > /dev/null\nkill -9 $PPID\nsleep 9\n'
    )
    sbatch.chmod(0o755)
    normal, one.path = one.path, f"{sbatch.parent}{os.pathsep}{one.path}"
    assert one.start().end() == -signal.SIGKILL
    (folder,) = one.workspace.glob(".jobs/2*")
    assert not list(folder.glob("job-*"))

    one.path = normal
    one.start()
    one.sees("PENDING (JobHeldUser)")
    one.cluster.ask("scontrol", "release", one.job())
    assert one.end() == 0
    assert one.jobs() == [(one.job(), "COMPLETED")]


def test_several_submitters_of_one_command_share_one_job(run):
    one = run().start(misbehave="train=hang-after-1")
    first = one.process
    second = one.start(misbehave="train=hang-after-1").process
    one.sees("Epoch 1/2")
    until(lambda: one.printed.count(f"waiting for job {one.job()}") == 2, 200)
    one.cluster.ask("scancel", "--batch", "--signal=USR1", one.job())

    assert (first.wait(300), second.wait(300)) == (0, 0)
    assert one.jobs() == [(one.job(), "COMPLETED")]


def test_another_command_in_the_same_workspace_is_refused_while_a_job_is_under_way(run):
    one = run().start(misbehave="train=hang")
    one.sees("train | starting")
    other = run("other")
    other.workspace = one.workspace

    assert other.start("--epochs=3").end() == 4
    assert "has a run in the queue: train --recipe=smoke" in other.printed
    assert f"or end it: scancel {one.job()}" in other.printed
    one.cluster.ask("scancel", one.job())
    one.end()


def test_a_warning_ahead_of_the_time_limit_stops_the_run_and_the_same_job_goes_on(run):
    one = run().start(misbehave="train=hang-after-1")
    one.sees("Epoch 1/2")
    one.cluster.ask("scancel", "--batch", "--signal=USR1", one.job())

    assert one.end() == 0
    assert "the time limit is near: stopping" in one.printed
    assert "goes on after epoch 1 of the try" in one.printed
    assert one.jobs() == [(one.job(), "COMPLETED")]
    (outcome,) = one.outcomes
    assert (outcome["stays"], outcome["links"]) == (2, 1)
    assert 0 < outcome["lost_s"] < outcome["allocated_s"]
    # The stand-in says 40 images a second, four of which are a step.
    assert outcome["lost_steps"] == pytest.approx(10 * outcome["lost_s"], abs=1)
    # All are rounded, the seconds to milliseconds, and such an allocation may last only half a second.
    assert outcome["goodput_pct"] == pytest.approx(
        100 * (1 - outcome["lost_s"] / outcome["allocated_s"]), abs=0.01 + 0.1 / outcome["allocated_s"]
    )


def test_where_a_job_may_not_be_put_back_the_run_goes_on_in_another(run):
    one = run().start(misbehave="train=hang-after-1", always=True, requeue=False)
    one.sees("Epoch 1/2")
    one.cluster.ask("scancel", "--batch", "--signal=USR1", one.job())

    assert one.end() == 0
    assert "the run goes on in another job" in one.printed
    assert [state for _, state in one.jobs()] == ["FAILED", "COMPLETED"]
    assert one.outcomes[-1]["links"] == 2


def test_a_run_that_finishes_nothing_before_its_limit_is_not_begun_for_ever(run):
    one = run().start(misbehave="train=hang")
    one.sees("train | starting")
    until(lambda: one.cluster.state(one.job()) == "RUNNING", 200)
    one.cluster.ask("scontrol", "update", f"jobid={one.job()}", "comment=x")
    for path in one.workspace.glob(".markers/*.json"):
        os.utime(path, (1, 1))
    one.cluster.ask("scancel", "--batch", "--signal=USR1", one.job())

    assert one.end() == 1
    assert "no stage and no checkpoint was finished in this job: it needs a longer WALL_TIME" in one.printed


def test_a_job_whose_node_goes_down_runs_again_elsewhere(run):
    one = run().start(misbehave="train=hang-after-1")
    one.sees("Epoch 1/2")
    node = one.cluster.node_of(one.job())
    one.cluster.fail_node(node)
    try:
        assert one.end() == 0
    finally:
        one.cluster.start_node(node)
    assert "goes on after epoch 1 of the try" in one.printed
    assert one.jobs() == [(one.job(), "COMPLETED")]
    assert one.outcomes[-1]["stays"] == 2


def test_a_job_that_may_not_run_again_ends_as_node_fail(run):
    one = run().start(misbehave="train=hang-after-1", requeue=False)
    one.sees("Epoch 1/2")
    node = one.cluster.node_of(one.job())
    one.cluster.fail_node(node)
    try:
        assert one.end() == 1
    finally:
        one.cluster.start_node(node)
    assert f"job {one.job()} ended as NODE_FAIL: its node went down" in one.printed


def test_a_controller_that_is_away_is_waited_for(run):
    one = run().start(misbehave="train=hang-after-1")
    one.sees("Epoch 1/2")
    job = one.job()
    time.sleep(STATE_SAVED_S)
    one.cluster.kill_controller()
    one.sees("the scheduler does not answer", 200)
    assert one.process.poll() is None
    one.cluster.start_controller()
    until(lambda: one.cluster.state(job) == "RUNNING", 200)
    one.cluster.ask("scancel", "--batch", "--signal=USR1", job)

    assert one.end() == 0
    assert one.jobs() == [(job, "COMPLETED")]


def test_a_controller_that_is_away_while_submitting_is_waited_for(run):
    one = run()
    one.cluster.kill_controller()
    one.start()
    one.sees("sbatch gave no clear answer", 200)
    one.cluster.start_controller()

    assert one.end() == 0
    assert one.jobs() == [(one.job(), "COMPLETED")]


def test_what_slurm_refuses_is_said_in_its_words_and_leaves_the_workspace_free(run):
    one = run()

    assert one.start("--partition=nowhere").end() == 2
    assert "Slurm refused the job: sbatch: error: invalid partition specified: nowhere" in one.printed
    assert one.start("--partition=main").end() == 0


def test_a_preempted_job_comes_back(run):
    one = run().start("--partition=low", misbehave="train=hang-after-1", options=["--exclusive"])
    one.sees("Epoch 1/2")
    urgent = one.cluster.ask(
        "sbatch", "--parsable", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1"
    )

    assert one.end() == 0
    assert one.cluster.state(urgent) == "COMPLETED"
    assert one.outcomes[-1]["stays"] == 2


def test_a_job_preempted_for_good_ends_as_that(run):
    one = run().start("--partition=low", misbehave="train=hang", requeue=False, options=["--exclusive"])
    one.sees("train | starting")
    one.cluster.ask("sbatch", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "true")

    assert one.end() == 1
    assert f"job {one.job()} ended as PREEMPTED: a job of higher priority took its place" in one.printed


def test_repeats_are_an_array_whose_tasks_run_one_after_another(run):
    one = run().start("--array=3")

    assert one.end() == 0
    assert {state for _, state in one.jobs()} == {"COMPLETED"}
    assert len({number for number, _ in one.jobs()}) == 1
    (outcome,) = one.outcomes
    assert outcome["stays"] == 3
    logs = sorted(path.name for path in one.workspace.glob(".jobs/*/slurm-*.log"))
    assert logs == ["slurm-1-1.log", "slurm-1-2.log", "slurm-1-3.log"]


def test_each_count_of_a_scaling_study_has_a_job_that_asks_for_as_many_gpus(run, tmp_path):
    one = run(verb=("scaling",)).start("--gpus=1,2", f"--results={tmp_path / 'results'}")

    assert one.end() == 0
    jobs = one.jobs()
    assert [state for _, state in jobs] == ["COMPLETED", "COMPLETED"]
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/rehearsal/*/record.json")]
    seen = {(each["conditions"]["scaling"], each["environment"]["SLURM_GPUS_ON_NODE"]) for each in records}
    assert seen == {("strong and weak", "1"), ("strong", "2"), ("weak", "2")}
    assert {each["jobs"]["stays"] for each in records} == {1}
    # The stand-in takes a tenth of a second for a step, whatever it is asked.
    (strong,) = (each for each in records if each["conditions"]["scaling"] == "strong")
    assert {tuple(m["values"]) for m in strong["runs"][0]["measurements"] if "efficiency" in m["name"]} == {
        (50.0,)
    }


def test_a_bench_stopped_at_its_limit_keeps_what_was_finished_and_says_what_slurm_said(run, tmp_path):
    # One is warned ahead of the limit, the other is not; both are at work on training, after the chain.
    ways = {"warned": {"warn_s": 300}, "surprised": {"warn_s": 0}}
    results = {name: tmp_path / name / "results" for name in ways}
    runs = {name: run(name, verb=("bench",)) for name in ways}
    for name, one in runs.items():
        one.start(f"--results={results[name]}", misbehave="train=hang-in-block", **ways[name])
    for one in runs.values():
        one.sees("bench | block 1 of 2: train by 4")
    runs["warned"].cluster.ask("scancel", "--batch", "--signal=USR1", runs["warned"].job())
    surprised = runs["surprised"].job()
    runs["surprised"].cluster.ask("scontrol", "update", f"jobid={surprised}", "EndTime=now+1")

    assert {name: one.end() for name, one in runs.items()} == {"warned": 1, "surprised": 1}
    assert f"job {surprised} ended as TIMEOUT: it was not over at its time limit" in runs["surprised"].printed
    assert f"job {runs['warned'].job()} ended as FAILED" in runs["warned"].printed
    assert "half a measurement is none, and what was finished is kept: it needs a longer WALL_TIME" in (
        runs["warned"].printed
    )
    for folder in results.values():
        assert {one.case: one.status for one in read_records(folder)[0]} == {
            "chain": "ok",
            "train": "truncated",
        }


def test_training_goes_over_two_machines_that_meet(run, tmp_path):
    pytest.importorskip("torch", reason="the portable engine needs torch")
    # Nodes of this cluster have names that nobody can look up: it is all one machine.
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    real = shutil.which("scontrol")
    scontrol.write_text(f'#!/bin/sh\n[ "$2" = hostnames ] && exec echo 127.0.0.1\nexec {real} "$@"\n')
    scontrol.chmod(0o755)
    one = run()
    one.path = f"{scontrol.parent}{os.pathsep}{one.path}"

    assert (
        one.start("--engine=portable", "--nodes=2", "--epochs=1", options=["--mem-per-cpu=1500"]).end(500)
        == 0
    )
    (log,) = one.workspace.glob(".attempts/train/*/console.log")
    assert one.done() >= {"train"}
    assert "2 processes" in log.read_text()


def test_a_secret_reaches_the_job_and_nothing_else(run, monkeypatch):
    one = run()
    one.cluster.environment["JAMCAM_KEY"] = "open sesame"
    try:
        assert one.start(misbehave="train=hang").sees("train | starting") is None
        (folder,) = one.workspace.glob(".jobs/2*")
        assert (folder / "key").stat().st_mode & 0o777 == 0o600
        assert files_that_hold(b"open sesame", one.workspace) == [folder / "key"]
        assert files_that_hold(b"open sesame", one.cluster.folder) == []
    finally:
        del one.cluster.environment["JAMCAM_KEY"]
        one.cluster.ask("scancel", one.job())
        one.end()
    assert not (folder / "key").exists()


def files_that_hold(secret, folder):
    """Files below a folder with these bytes; those that a running queue takes away meanwhile hold nothing."""
    found = []
    for parent, _, names in os.walk(folder):  # passes over folders that are gone
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):
                if path.is_file() and secret in path.read_bytes():
                    found.append(path)
    return found


def test_a_job_of_one_run_submitted_by_hand_as_well_does_nothing(run):
    one = run().start(misbehave="train=hang")
    one.sees("train | starting")
    (script,) = one.workspace.glob(".jobs/*/script-1.sh")
    second = one.cluster.ask(
        "sbatch", "--parsable", "--job-name=by-hand", "-o", str(script.parent / "o"), str(script)
    )
    until(lambda: one.cluster.state(second) == "FAILED", 200)
    one.cluster.ask("scancel", one.job())
    one.end()
    (log,) = script.parent.glob("slurm-1.log")
    assert f"job {one.job()} does this already; nothing to do for job {second}" in (
        script.parent / "o"
    ).read_text() + (log.read_text())
    assert json.loads((script.parent / "claim-1.json").read_text())["job_id"] == one.job()
