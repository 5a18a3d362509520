"""When a job is over and when that cannot be told, with a stand-in Slurm; the real one is in tests/system."""

import json
import os
import time

import pytest

from harness.errors import CannotTell
from harness.queue.notes import start_run
from harness.queue.slurm import Queue
from harness.queue.wait import Waiting
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder

RUNNING, NOTHING = "echo '7|N/A|RUNNING|jamcam-R-1|None'", "true"
LONG_AGO_S = 3600.0
POLL_S = 0.02


@pytest.fixture
def run(workspace, monkeypatch, tmp_path):
    """A run whose job 7 was submitted long ago."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = start_run(Workspace(workspace), "R", ["all"])
    run.note_job(1, "7")
    return run


@pytest.fixture
def wait(run, plays):
    """Waits for the job, with answers of squeue that change: lines of a shell by the number of the call."""

    def until_over(squeue, sacct, *, scontrol="echo 'PrivateData = none'", user=None, tasks=1):
        count = f'n=$(grep -c ^squeue "{plays.folder}/calls")'
        cases = "".join(f" {number}) {body} ;;" for number, body in enumerate(squeue[:-1], 1))
        plays("squeue", f"{count}; case $n in {cases} *) {squeue[-1]} ;; esac")
        plays("sacct", sacct)
        plays("scontrol", scontrol)
        queue = Queue(POLL_S, os.getuid() if user is None else user)
        return Waiting(run, 1, "7", queue, 60, tasks, until_over.said.append).until_over()

    until_over.said = []
    return until_over


def start(run, *, ago_s=LONG_AGO_S, host="n1", task=""):
    began = {"unix_s": time.time() - ago_s, "job_id": "7", "host": host}
    run.note_allocation(1, "start", task=task, restart=0, **began)


def test_accounting_that_is_late_is_asked_until_it_says_an_end(wait, plays):
    late = (
        f'n=$(grep -c ^sacct "{plays.folder}/calls");'
        '[ $n -le 2 ] && echo "7|RUNNING" || echo "7|OUT_OF_MEMORY"'
    )

    assert wait([RUNNING, NOTHING], late).state == "OUT_OF_MEMORY"
    assert len([call for call in plays.calls() if call.startswith("sacct")]) == 3


@pytest.mark.parametrize("state", ["RUNNING", "REQUEUED", "PENDING"])
def test_a_job_that_stays_open_in_accounting_and_that_the_queue_forgot_is_gone_in_the_end(wait, plays, state):
    row = wait([RUNNING, RUNNING, NOTHING], f"echo '7|{state}'")

    seen = f"the queue did not list it at 11 looks; sacct says {state}; it noted no start and printed nothing"
    assert (row.state, row.reason) == ("GONE", seen)


@pytest.mark.parametrize(
    ("sacct", "words", "looks"),
    [
        (NOTHING, "sacct does not list it either", 4),
        ("exit 127", "there is no accounting here", 4),
        ("echo 'Slurm accounting storage is disabled' >&2; exit 1", "there is no accounting here", 4),
        ("echo 'Connection refused' >&2; exit 1", "Connection refused", 11),
    ],
)
def test_there_is_an_end_to_waiting_with_and_without_accounting(wait, run, sacct, words, looks):
    start(run)
    row = wait([NOTHING], sacct)

    heard = "it was last heard of 1 h 00 min ago, and noted no end"
    assert row.state == "GONE"
    assert row.reason == f"the queue did not list it at {looks} looks; {words}; {heard}"


def test_a_job_that_is_listed_again_was_not_gone(wait):
    row = wait([NOTHING, NOTHING, RUNNING, NOTHING, NOTHING, NOTHING, "echo '7|N/A|TIMEOUT|x|None'"], NOTHING)

    assert row.state == "TIMEOUT"


def test_a_job_whose_log_grows_is_not_gone_though_nobody_lists_it(wait, run):
    run.log(1).write_text("Epoch 7/40\n")
    later = time.time() + 3600  # so it grows still at the look that counts, however long that takes to come
    os.utime(run.log(1), (later, later))
    last_line = f"touch '{run.log(1)}'"
    row = wait([RUNNING, *[NOTHING] * 4, last_line, NOTHING], NOTHING)

    assert row.state == "GONE"
    # As long as a log may be silent between two of its lines.
    assert time.time() - run.log(1).stat().st_mtime > 20 * POLL_S
    cannot = (
        "cannot tell whether job 7 is over: "
        "the queue does not list it, but its log grew within the last minutes"
    )
    assert [text for text in wait.said if text.startswith("cannot tell")] == [f"{cannot}; waiting"]


@pytest.mark.parametrize(
    ("holder", "wall_time_s", "sign"),
    [
        # The job's own lock, within its limit and then past it; another job's; that of a run outside Slurm.
        (Holder(host="n1", pid=5, started="1", slurm_job="7"), 4000, True),
        (Holder(host="n1", pid=5, started="1", slurm_job="7"), 60, False),
        (Holder(host="n2", pid=5, started="1", slurm_job="8"), 4000, False),
        (Holder(host="n1", pid=5, started="1"), 4000, False),
    ],
)
def test_a_job_that_holds_the_workspace_is_not_gone_within_its_time_limit(
    run, plays, workspace, monkeypatch, holder, wall_time_s, sign
):
    start(run)
    monkeypatch.setattr("harness.queue.wait.holder_of", lambda workspace: holder)
    waiting = Waiting(run, 1, "7", Queue(POLL_S), wall_time_s, 1, print)

    assert bool(waiting._sign_of_work()) is sign


def test_a_job_of_another_user_whom_the_site_hides_is_not_called_gone(wait, run, workspace):
    start(run)
    hidden = "echo 'PrivateData = jobs'"
    with pytest.raises(CannotTell) as caught:
        wait([NOTHING], NOTHING, scontrol=hidden, user=os.getuid() + 4242)

    assert "cannot tell whether job 7 is over: the site hides it from this user" in caught.value.message
    assert caught.value.remedy.endswith("whose job it is, to give the same command")
    assert json.loads((workspace / ".jobs" / "current.json").read_text())["run"] == "R"
    assert wait([NOTHING], NOTHING, user=os.getuid() + 4242).state == "GONE"  # where nothing is hidden


@pytest.mark.parametrize(("status", "state"), [(0, "COMPLETED"), (3, "FAILED")])
def test_the_jobs_own_note_of_its_end_is_believed_where_nobody_lists_it(wait, run, status, state):
    start(run, task="1")
    run.note_allocation(1, "end", task="1", restart=0, exit_status=status)

    assert wait([NOTHING], NOTHING).state == state


def test_an_array_of_which_not_every_task_noted_its_end_is_not_complete(wait, run):
    start(run, task="1")
    run.note_allocation(1, "end", task="1", restart=0, exit_status=0)

    assert wait([NOTHING], NOTHING, tasks=2).state == "GONE"


def test_a_line_that_is_no_row_is_told_once_and_one_that_may_be_the_jobs_is_no_silence(wait):
    broken = "echo 'Job 7: R (wrapper 2.0)'"
    row = wait([broken] * 8 + ["echo '7|N/A|FAILED|x|None'"], NOTHING)

    assert row.state == "FAILED"
    told = "passing over a line of squeue that is no row: 'Job 7: R (wrapper 2.0)'"
    assert [text for text in wait.said if text.startswith("passing")] == [told]


def test_a_job_whose_preparation_failed_is_failed_where_nobody_lists_it(wait, run):
    run.preparation_note(1).write_text("module load x (status 1)\n")

    assert wait([NOTHING], NOTHING).state == "FAILED"


DONE = "echo '7|3|COMPLETED|x|None'"  # the last task of three; the others are listed no more


def end(run, task, exit_status):
    start(run, task=task)
    run.note_allocation(1, "end", task=task, restart=0, exit_status=exit_status)


@pytest.mark.parametrize(
    ("statuses", "sacct", "state"),
    [
        ([0, 0, 0], NOTHING, "COMPLETED"),
        ([1, 0, 0], NOTHING, "FAILED"),
        ([0, 0], "printf '7_1|COMPLETED\\n7_2|COMPLETED\\n7_3|COMPLETED\\n'", "COMPLETED"),
        ([0, 0], "printf '7_1|OUT_OF_MEMORY\\n7_2|COMPLETED\\n7_3|COMPLETED\\n'", "OUT_OF_MEMORY"),
        ([0, 0], NOTHING, "GONE"),
        ([0, 0], "printf '7_2|COMPLETED\\n7_3|COMPLETED\\n'", "GONE"),
    ],
)
def test_an_array_did_well_only_where_every_task_is_known_to_have(wait, run, statuses, sacct, state):
    for task, status in zip("321", statuses, strict=False):
        end(run, task, status)

    row = wait([DONE], sacct, tasks=3)

    assert row.state == state
    if state == "GONE":
        assert row.reason.startswith(
            "2 of 3 tasks noted that they ended well; of the others neither queue nor "
        )
