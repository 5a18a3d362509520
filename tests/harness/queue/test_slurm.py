"""Slurm's commands, played by small programs that write down each call; the real ones are in tests/system."""

import errno
import multiprocessing
import os
import time

import pytest

from harness.errors import ConfigError
from harness.queue import slurm
from harness.queue.slurm import Answer, InDoubt, Queue, accounted, submit


@pytest.fixture(autouse=True)
def shared(tmp_path, monkeypatch):
    """Where all waiting runs of this test share what was answered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return slurm._shared_folder(os.getuid())


def test_a_submitted_job_has_the_number_that_sbatch_says(plays, tmp_path):
    plays("sbatch", "echo '4711;cluster'")

    assert submit(tmp_path / "script.sh") == "4711"
    assert plays.calls() == [f"sbatch --parsable {tmp_path}/script.sh"]


@pytest.mark.parametrize(
    "complaint",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
        # Each of these was seen of a controller that was killed at work.
        "sbatch: error: Batch job submission failed: Unexpected missing socket error",
        "sbatch: error: Batch job submission failed: Connection reset by peer",
        "sbatch: error: Batch job submission failed: Transport endpoint is not connected",
    ],
)
def test_no_clear_answer_is_doubt_and_no_refusal(plays, tmp_path, complaint):
    plays("sbatch", f"echo '{complaint}' >&2; exit 1")

    with pytest.raises(InDoubt):
        submit(tmp_path / "script.sh")


@pytest.mark.parametrize(
    "complaint",
    [
        "sbatch: error: Batch job submission failed: Invalid qos specification",
        "sbatch: error: Batch job submission failed: "
        "Requested time limit is invalid (missing or exceeds some limit)",
        "sbatch: error: AssocMaxSubmitJobLimit",
    ],
)
def test_a_refusal_is_told_in_slurms_words(plays, tmp_path, complaint):
    plays("sbatch", f"echo '{complaint}' >&2; exit 1")

    with pytest.raises(ConfigError) as caught:
        submit(tmp_path / "script.sh")
    assert caught.value.message == f"Slurm refused the job: {complaint}"


@pytest.mark.parametrize(
    "complaint",
    [
        # Slurm 22.05 without a slurm.conf, and with one that is not there.
        "sbatch: error: fetch_config: DNS SRV lookup failed\n"
        "sbatch: fatal: Could not establish a configuration source",
        "sbatch: error: ClusterName needs to be specified\n"
        "sbatch: fatal: Unable to process configuration file",
    ],
)
def test_a_slurm_that_knows_of_no_cluster_is_told_apart_from_a_refusal(plays, tmp_path, complaint):
    plays("sbatch", f"echo '{complaint}' >&2; exit 1")

    with pytest.raises(ConfigError) as caught:
        submit(tmp_path / "script.sh")
    last = complaint.splitlines()[-1]
    assert caught.value.message == f"Slurm is installed here and knows of no cluster: {last}"
    assert (
        caught.value.remedy
        == "give the command on a login node, or set SLURM_CONF to the cluster's slurm.conf"
    )


def test_a_machine_without_slurm_is_no_login_node(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match="there is no sbatch on this machine"):
        submit(tmp_path / "script.sh")


def test_settings_of_sbatch_and_secrets_of_ours_do_not_travel(plays, tmp_path, monkeypatch):
    plays("sbatch", f"env > '{tmp_path}/seen'; echo 1")
    for name in ("SBATCH_PARTITION", "SLURM_RESTART_COUNT", "JAMCAM_KEY", "KEY", "AWS_SECRET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("BASH_FUNC_module%%", "() {  echo loaded\n}")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm/slurm.conf")
    submit(tmp_path / "script.sh")

    lines = (tmp_path / "seen").read_text().splitlines()
    assert not {line for line in lines if line.endswith("=x")}
    assert "SLURM_CONF=/etc/slurm/slurm.conf" in lines


def test_one_question_tells_of_all_jobs(plays):
    plays("squeue", "echo '7|N/A|RUNNING|jamcam-a-1|None'; echo '8|2|PENDING|other|Priority (x|y)'")
    answer = Queue(0.0).look()

    assert [(row.state, row.task, row.reason) for row in answer.of("7")] == [("RUNNING", "", "None")]
    assert [(row.state, row.task, row.reason) for row in answer.of("8")] == [
        ("PENDING", "2", "Priority (x|y)")
    ]
    assert plays.calls() == [f"squeue -h -u {os.getuid()} -t all -o %F|%K|%T|%j|%r"]


def wait_for(queue, until_s):
    while time.time() < until_s:
        queue.look()
        time.sleep(0.01)


def test_however_many_runs_wait_the_scheduler_is_asked_once_in_an_interval(plays):
    plays("squeue", "echo '7|N/A|RUNNING|a|None'")
    until_s, began_s = time.time() + 3.0, time.monotonic()
    waiting = [
        multiprocessing.get_context("fork").Process(target=wait_for, args=(Queue(1.0), until_s))
        for _ in "12345678"
    ]
    for process in waiting:
        process.start()
    for process in waiting:
        process.join()
    lasted_s = time.monotonic() - began_s

    assert [process.exitcode for process in waiting] == [0] * 8
    # At 0, 1.0 or later, 2.0 or later; on a busy machine the last look may be a later one.
    assert 1 <= len(plays.calls()) <= 1 + int(lasted_s)


def test_a_controller_that_does_not_answer_is_asked_no_more_often(plays):
    plays("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    waiting = Queue(60.0)

    assert "Unable to contact slurm controller" in waiting.look().error
    assert "Unable to contact slurm controller" in waiting.look().error
    assert len(plays.calls()) == 1


def test_what_was_known_stays_known_while_there_is_no_answer(plays):
    plays("squeue", "echo '7|N/A|RUNNING|a|None'")
    Queue(0.0).look()
    plays("squeue", "exit 1")

    assert Queue(0.0).look().of("7")[0].state == "RUNNING"


def test_whose_turn_it_was_and_who_was_killed_holds_nobody_up_for_ever(plays, shared):
    plays("squeue", "echo '7|N/A|RUNNING|a|None'")
    turn = shared / "turn-0.000000"
    turn.parent.mkdir(parents=True)
    turn.write_text("")
    assert Queue(30.0).look().rows == ()
    os.utime(turn, (time.time() - 300, time.time() - 300))
    Queue(30.0).look()

    assert Queue(30.0).look().of("7")[0].state == "RUNNING"


@pytest.mark.parametrize(
    ("told", "state"),
    [("9|CANCELLED by 1000", "CANCELLED"), ("9|OUT_OF_ME+", "OUT_OF_ME"), ("9_3|TIMEOUT", "TIMEOUT")],
)
def test_accounting_is_asked_for_one_job_by_its_number(plays, told, state):
    plays("sacct", f"echo '{told}'")

    assert accounted("9").of("9")[0].state == state
    # Without -S, which would begin at midnight: a job asked for by its number is found whenever it ran.
    assert plays.calls() == ["sacct -n -X -P -j 9 -o JobID,State"]


def test_a_site_without_accounting_is_no_fault(plays, monkeypatch, tmp_path):
    plays("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert accounted("9") == Answer(error="there is no accounting here")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert accounted("9") == Answer(error="there is no accounting here")


def test_accounting_that_does_not_answer_is_told_apart_from_none(plays):
    plays("sacct", "echo 'sacct: error: Problem talking to the database: Connection refused' >&2; exit 1")

    assert "Connection refused" in accounted("9").error


ROW = "echo '7|N/A|RUNNING|jamcam-a-1|None'"


@pytest.mark.parametrize(
    ("body", "odd"),
    [
        (f"echo 'Welcome to cluster'; {ROW}", ("Welcome to cluster",)),
        (f"{ROW}; echo 'Quota: 91 % | full soon'", ("Quota: 91 % | full soon",)),
        # Another job has a line break in its name.
        (f"printf '8|N/A|RUNNING|a\\nb|None\\n'; {ROW}", ("8|N/A|RUNNING|a", "b|None")),
    ],
)
def test_lines_that_are_no_rows_are_passed_over_and_kept_to_be_told(plays, body, odd):
    plays("squeue", body)
    answer = Queue(0.0).look()

    assert (answer.of("7")[0].state, answer.odd, answer.error) == ("RUNNING", odd, "")
    assert Queue(60.0).look() == answer  # from the file that all runs share


def test_odd_lines_of_accounting_are_passed_over_too(plays):
    plays("sacct", "echo 'sacct: this site asks you to be nice'; echo '9|TIMEOUT'")

    assert [row.state for row in accounted("9").rows] == ["TIMEOUT"]


@pytest.fixture(params=["a file in its way", "a full disk"])
def no_cache(request, tmp_path, monkeypatch):
    """A home in which nothing can be written, for a reason."""
    if request.param == "a full disk":
        full = errno.ENOSPC
        monkeypatch.setattr(slurm, "write_json", lambda path, value: (_ for _ in ()).throw(OSError(full, "")))
    else:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))


def test_without_a_place_for_its_cache_each_run_asks_for_itself_and_no_more_often(plays, no_cache):
    plays("squeue", ROW)
    queue = Queue(60.0)

    assert [queue.look().of("7")[0].state for _ in "123"] == ["RUNNING"] * 3
    assert len(plays.calls()) == 1
    Queue(60.0).look()  # the next try asks, too: nothing is left behind that would keep it from it
    assert len(plays.calls()) == 2


def test_a_machine_without_squeue_is_no_place_to_wait(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match="there is no squeue on this machine"):
        Queue(0.0).look()


FORGOTTEN = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
NONE_HIDDEN, HIDDEN = "echo 'PrivateData             = none'", "echo 'PrivateData = accounts,jobs'"


@pytest.mark.parametrize(
    ("squeue", "sacct", "config", "over"),
    [
        ("echo COMPLETED", "", HIDDEN, True),
        ("echo RUNNING", "", NONE_HIDDEN, False),
        ("echo COMPLETING", "", NONE_HIDDEN, False),
        ("echo 'Welcome to cluster'; echo RUNNING", "", NONE_HIDDEN, False),
        ("true", "", NONE_HIDDEN, True),
        (FORGOTTEN, "", NONE_HIDDEN, True),
        # It may be another user's, and at work.
        (FORGOTTEN, "", HIDDEN, False),
        (FORGOTTEN, "", "exit 1", False),
        ("true", "", HIDDEN, False),
        (FORGOTTEN, "echo '9|COMPLETED'", HIDDEN, True),
        (FORGOTTEN, "echo '9|RUNNING'", NONE_HIDDEN, False),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", "", NONE_HIDDEN, False),
    ],
)
def test_a_job_is_over_when_slurm_says_so_for_certain(plays, squeue, sacct, config, over):
    plays("squeue", squeue)
    plays("sacct", sacct)
    plays("scontrol", config)

    assert slurm.is_over("9") is over


@pytest.mark.parametrize(("config", "all_shown"), [(NONE_HIDDEN, True), (HIDDEN, False), ("exit 1", False)])
def test_another_users_jobs_may_be_hidden_and_ones_own_are_not(plays, config, all_shown):
    plays("scontrol", config)

    assert Queue(0.0, os.getuid()).shows_all()
    assert Queue(0.0, os.getuid() + 1).shows_all() is all_shown
