import errno
import os
import socket
import subprocess
import sys

import pytest

from harness.errors import HarnessError, Locked
from harness.process.identity import start_time
from harness.queue.slurm import is_over
from harness.workspace.layout import Workspace
from harness.workspace.lock import (
    Holder,
    engines_of,
    holder_of,
    release,
    take,
    take_away,
    unlock,
    workspace_lock,
)

ME = Holder(host="here", pid=17, started="4711", slurm_job="99")
OTHER = Holder(host="here", pid=18, started="4712")


def locked(room, say=print):
    return workspace_lock(room, say=say, is_over=is_over)


@pytest.fixture
def room(workspace):
    return Workspace(workspace)


@pytest.fixture
def gone():
    """A process that was here and is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = start_time(process.pid) or "4711"
    process.wait()
    return Holder(host=socket.gethostname(), pid=process.pid, started=started)


def test_a_lock_names_its_holder(room):
    take(room, ME)

    assert holder_of(room) == ME
    assert str(ME) == "process 17 on here (Slurm job 99)"


def test_a_lock_is_created_once(room):
    take(room, ME)

    with pytest.raises(FileExistsError):
        take(room, OTHER)


def test_a_lock_given_back_can_be_taken_again(room):
    take(room, ME)
    release(room)
    take(room, OTHER)

    assert holder_of(room) == OTHER


def test_only_the_lock_that_was_looked_at_is_taken_away(room):
    take(room, OTHER)

    assert not take_away(room, stale=ME)
    assert holder_of(room) == OTHER
    assert take_away(room, stale=OTHER)
    assert holder_of(room) is None


def test_taking_away_what_somebody_else_took_away_fails_quietly(room):
    room.root.mkdir()

    assert not take_away(room, stale=ME)


def test_a_lock_nobody_can_read_is_held_by_no_host_we_know(room):
    room.root.mkdir()
    room.lock.write_text("{")

    assert holder_of(room) == Holder(host="(unreadable lock)", pid=0, started="")


def test_engines_are_named_beside_the_lock_and_rubbish_is_passed_over(room):
    take(room, ME)
    room.engine_lock("train").write_text('{"pid": 5, "started": "1"}')
    room.engine_lock("eval").write_text("{")

    assert [(path.name, engine.pid) for path, engine in engines_of(room)] == [(".lock.train", 5)]


def test_a_free_workspace_is_held_and_given_back(room, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "99")
    with locked(room):
        held = holder_of(room)

    assert (held.host, held.pid, held.slurm_job) == (socket.gethostname(), os.getpid(), "99")
    assert holder_of(room) is None


def test_a_second_run_is_told_who_holds_it(room):
    with (
        locked(room),
        pytest.raises(Locked) as caught,
        locked(room),
    ):
        pass

    assert caught.value.message == f"{room.root} is held by process {os.getpid()} on {socket.gethostname()}"
    assert caught.value.exit_status == 4


def test_the_lock_of_a_run_that_is_gone_is_taken_over_and_said_so(room, gone):
    take(room, gone)
    said = []

    with locked(room, said.append):
        assert holder_of(room).pid == os.getpid()

    assert said == [f"took over the workspace from {gone}, which is gone"]


def test_a_lock_whose_number_another_process_has_now_is_taken_over(room):
    take(room, Holder(host=socket.gethostname(), pid=os.getpid(), started="another start"))

    with locked(room):
        assert holder_of(room).started == start_time(os.getpid())


def test_a_lock_from_another_host_is_refused_with_the_way_out(room):
    take(room, Holder(host="node17", pid=5, started="1", slurm_job="99"))

    with pytest.raises(Locked) as caught, locked(room):
        pass

    assert caught.value.message == f"{room.root} is held by process 5 on node17 (Slurm job 99)"
    assert caught.value.remedy == f"if that run is surely over: jamcam unlock --workspace {room.root}"


@pytest.mark.parametrize(
    ("lock", "here", "queue", "gone"),
    [
        ("99", {}, "COMPLETED", True),  # cancelled on its node, and given again from the login node
        ("99", {}, "RUNNING", False),
        ("99", {"SLURM_JOB_ID": "99", "SLURM_RESTART_COUNT": "1"}, "RUNNING", True),  # its node went down
        (
            "99.1",
            {"SLURM_JOB_ID": "99", "SLURM_RESTART_COUNT": "1"},
            "RUNNING",
            False,
        ),  # another step of this job
        ("99", {"SLURM_JOB_ID": "100"}, "NODE_FAIL", True),  # the next job of the run
    ],
)
def test_a_lock_left_by_a_job_is_taken_over_once_slurm_says_it_is_over(
    room, tmp_path, monkeypatch, lock, here, queue, gone
):
    take(room, Holder(host="node17", pid=5, started="1", slurm_job=lock))
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text(f"#!/bin/sh\necho {queue}\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{squeue.parent}:{os.environ['PATH']}")
    for name, value in here.items():
        monkeypatch.setenv(name, value)

    if gone:
        with locked(room):
            assert holder_of(room).host == socket.gethostname()
    else:
        with pytest.raises(Locked), locked(room):
            pass


def test_an_engine_that_outlived_its_run_is_ended_first(room, gone):
    engine = subprocess.Popen(["sleep", "60"], start_new_session=True)
    take(room, gone)
    room.engine_lock("train").write_text(f'{{"pid": {engine.pid}, "started": "{start_time(engine.pid)}"}}')
    said = []

    with locked(room, said.append):
        assert engine.wait(5) == -15

    assert said[1] == f"ending the engine {engine.pid}, which outlived its run"
    assert not room.engine_lock("train").exists()


def test_a_process_that_merely_has_an_engines_number_is_left_alone(room, gone):
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    take(room, gone)
    room.engine_lock("train").write_text(f'{{"pid": {stranger.pid}, "started": "another start"}}')

    with locked(room):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_unlock_removes_a_lock_from_elsewhere_and_names_its_holder(room):
    take(room, Holder(host="node17", pid=5, started="1"))

    assert str(unlock(room, force=False)) == "process 5 on node17"
    assert unlock(room, force=False) is None


def test_unlock_leaves_a_living_run_alone_unless_forced(room):
    take(room, Holder(host=socket.gethostname(), pid=os.getpid(), started=start_time(os.getpid())))

    with pytest.raises(Locked):
        unlock(room, force=False)

    assert unlock(room, force=True).pid == os.getpid()


def test_a_workspace_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")

    room = Workspace(tmp_path / "file" / "workspace")

    with (
        pytest.raises(HarnessError, match=r"cannot write in .*file/workspace: Not a directory"),
        locked(room),
    ):
        pass


def test_a_lock_taken_between_look_and_removal_is_put_back_where_links_are_refused(room, monkeypatch):
    def link(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    take(room, OTHER)

    assert not take_away(room, stale=ME)
    assert holder_of(room) == OTHER
    assert [path.name for path in room.root.iterdir()] == [".lock"]
