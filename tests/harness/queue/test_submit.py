"""A command brought through a queue that is played: its status, its words, and what is not submitted."""

import os
from dataclasses import replace

import pytest

from harness.errors import CannotTell, HarnessError
from harness.queue import submit
from harness.queue.notes import current, start_run
from harness.queue.submit import launch
from harness.workspace.layout import Workspace
from harness.workspace.lock import UNREADABLE, Holder, this_run

SITE = 'title = "a site"\nscheduler = "slurm"\nwall_time = "0:10:00"\npoll_s = 0.02\n'
STRANGER = os.getuid() + 4242


@pytest.fixture
def queued(settings, tmp_path, plays, monkeypatch):
    """Settings of a command that goes through a queue whose job 7 has ended as FAILED."""
    (tmp_path / "site.toml").write_text(SITE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plays("squeue", "echo '7|N/A|FAILED|x|NonZeroExitCode'")
    plays("sbatch", "echo 7")
    plays("scontrol", "echo 'PrivateData = jobs'")
    return settings(platform=str(tmp_path / "site.toml"))


def noted_by_the_job(run, status):
    run.note_allocation(1, "start", task="", restart=0, job_id="7", host="n1")
    run.note_allocation(1, "end", task="", restart=0, exit_status=status)


@pytest.mark.parametrize(("in_job", "passed_on"), [(1, 1), (3, 3), (5, 5), (143, 1)])
def test_what_the_command_said_in_the_job_is_the_status_of_the_one_that_waited(queued, in_job, passed_on):
    run = start_run(Workspace(queued.workspace), "R", ["all", *submit.options(queued)])
    run.note_job(1, "7")
    run.intend(1, 0, Holder(host="elsewhere", pid=1, started="1"))
    noted_by_the_job(run, in_job)
    with pytest.raises(HarnessError) as caught:
        launch(queued, ["all"], print)

    assert caught.value.exit_status == passed_on


def test_a_line_of_prepare_that_failed_is_why_the_job_did_and_what_to_mend(queued):
    run = start_run(Workspace(queued.workspace), "R", ["all", *submit.options(queued)])
    run.intend(1, 0, Holder(host="elsewhere", pid=1, started="1"))
    run.note_job(1, "7")
    run.preparation_note(1).write_text("module load gccc (status 1)\n")
    with pytest.raises(HarnessError) as caught:
        launch(queued, ["all"], print)

    what = "job 7 ended as FAILED: nothing was run, since a line of its script failed: "
    what += "module load gccc (status 1)"
    assert caught.value.message.startswith(what)
    assert caught.value.remedy.startswith(
        "correct prepare in the file of the platform site, then: jamcam all"
    )
    assert caught.value.exit_status == 1


@pytest.mark.parametrize("content", ["", "{}", '{"run": "../../elsewhere", "command": []}'])
def test_a_note_of_a_run_that_nobody_can_read_is_no_leave_to_submit(queued, plays, content):
    path = Workspace(queued.workspace).jobs / "current.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(CannotTell, match="cannot tell whether a run is under way"):
        launch(queued, ["all"], print)

    assert plays.calls() == []


def test_notes_can_be_read_by_the_others_of_a_shared_workspace(queued, mode_of_files):
    with pytest.raises(HarnessError):
        launch(queued, ["all"], print)

    notes = [*queued.workspace.glob(".jobs/*/job-*"), *queued.workspace.glob(".jobs/*/intent-*")]
    assert [path.stat().st_mode & 0o777 for path in notes] == [mode_of_files] * 2


def test_what_another_user_may_have_submitted_and_the_site_hides_is_not_submitted_again(
    queued, plays, monkeypatch
):
    run = start_run(Workspace(queued.workspace), "R", ["all", *submit.options(queued)])
    run.intend(1, 0, Holder(host="elsewhere", pid=1, started="1"))
    os.utime(run.folder / "intent-1.0.json", (1, 1))  # long enough ago to be taken for dead
    monkeypatch.setattr("harness.queue.notes.QueuedRun.submitter_uid", lambda self, segment: STRANGER)
    with pytest.raises(CannotTell, match="the site hides other users' jobs"):
        launch(queued, ["all"], print)

    assert not [call for call in plays.calls() if call.startswith("sbatch")]
    assert current(Workspace(queued.workspace)) == run


@pytest.mark.parametrize("content", ["[]", '{"host"', '{"host": "x", "pid": 1, "colour": "red"}', "\xff"])
def test_an_intent_that_cannot_be_read_is_somebody_elses_who_may_be_at_work(queued, content):
    run = start_run(Workspace(queued.workspace), "R", ["all"])
    (run.folder / "intent-1.0.json").write_text(content, encoding="latin-1")
    ((holder, age_s),) = run.intents(1)

    assert holder == UNREADABLE
    assert 0 <= age_s < 60
    assert _segment(queued, run)._is_alive(holder, age_s)
    assert not _segment(queued, run)._is_alive(holder, submit.ELSEWHERE_S)


def test_a_submitter_is_judged_by_host_start_of_the_machine_and_namespace(queued):
    run = start_run(Workspace(queued.workspace), "R", ["all"])
    run.intend(1, 0, this_run())
    gone = replace(this_run(), pid=2**22 - 1)
    elsewhere = {
        "another start of this machine": (replace(gone, boot_id="x"), False),
        "another namespace of pids": (replace(gone, pid_namespace="pid:[1]"), True),
        "another host": (replace(gone, host="elsewhere"), True),
        "here, and gone": (gone, False),
        "here, at work": (this_run(), True),
    }

    judge = _segment(queued, run)._is_alive
    assert {words: judge(holder, 1.0) for words, (holder, _) in elsewhere.items()} == {
        words: alive for words, (_, alive) in elsewhere.items()
    }


def test_a_process_that_noted_before_that_it_would_submit_does_not_wait_for_itself(queued, monkeypatch):
    run = start_run(Workspace(queued.workspace), "R", ["all", *submit.options(queued)])
    run.intend(1, 0, this_run())

    monkeypatch.setattr(submit.Segment, "_is_alive", lambda *asked: pytest.fail("it waits for itself"))
    assert _segment(queued, run).submit() == "7"


def _segment(settings, run):
    return submit.Segment(settings, ("all",), run, 1, print)
