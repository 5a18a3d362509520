import dataclasses
import errno
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import CannotTell, HarnessError, Locked
from harness.process.identity import start_time
from harness.queue.slurm import is_over
from harness.workspace.engines import engines_of, note_engine
from harness.workspace.layout import Workspace
from harness.workspace.lock import (
    Holder,
    holder_of,
    release,
    take,
    take_away,
    take_over,
    this_run,
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
    release(room, ME)
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
    room.engine_lock("vis").write_text("[" * 100_000)
    room.engine_lock("export").write_text('{"pid": "5", "started": "1"}')
    room.engine_lock("verify").write_text('{"pid": 5, "started": "1", "folder": []}')

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

    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert caught.value.message.startswith(f"{room.root} is held by {holder} since 2")
    assert caught.value.exit_status == 4


def test_the_lock_of_a_run_that_is_gone_is_taken_over_and_said_so(room, gone):
    take(room, gone)
    said = []

    with locked(room, said.append):
        assert holder_of(room).pid == os.getpid()

    assert said == [f"took over the workspace from {gone}, which is gone"]


def turn_of(room, taker, number=0):
    """The file by which `taker` has the turn to take over the lock that is there."""
    mark = hashlib.sha256(room.lock.read_bytes()).hexdigest()[:16]
    path = room.root / f".takeover-{mark}.{number}"
    path.write_text(json.dumps(dataclasses.asdict(taker), sort_keys=True))
    return path


def test_while_another_run_takes_over_the_lock_is_left_to_it(room, gone):
    take(room, gone)
    turn = turn_of(room, this_run())  # of a process that is alive

    with pytest.raises(Locked), locked(room):
        pass

    assert holder_of(room) == gone
    assert turn.exists()


def test_the_turn_of_a_taker_that_is_gone_goes_to_the_next(room, gone):
    take(room, gone)
    turn_of(room, gone)

    with locked(room):
        assert holder_of(room).pid == os.getpid()

    assert list(room.root.iterdir()) == []


def test_a_taker_in_its_turn_leaves_a_lock_that_was_written_meanwhile(room, gone):
    take(room, OTHER)

    assert not take_over(room, gone, this_run(), is_over)
    assert holder_of(room) == OTHER


def test_a_lock_whose_number_another_process_has_now_is_taken_over(room):
    take(room, Holder(host=socket.gethostname(), pid=os.getpid(), started="another start"))

    with locked(room):
        assert holder_of(room).started == start_time(os.getpid())


def test_a_lock_from_another_host_is_refused_with_the_way_out(room):
    take(room, Holder(host="node17", pid=5, started="1", slurm_job="99"))

    with pytest.raises(Locked) as caught, locked(room):
        pass

    assert caught.value.message.startswith(
        f"{room.root} is held by process 5 on node17 (Slurm job 99) since 2"
    )
    assert caught.value.remedy == (
        f"if that run is surely over: jamcam unlock --workspace {room.root} --force"
    )


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
    take(room, gone)
    folder = room.attempts / "train" / "1"
    folder.mkdir(parents=True)
    engine = subprocess.Popen(["sleep", "60"], start_new_session=True, cwd=folder)
    note_engine(room, "train", pid=engine.pid, started=start_time(engine.pid), folder=folder)
    said = []

    with locked(room, said.append):
        assert engine.wait(60) == -15

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


@pytest.fixture
def bystander(tmp_path):
    """A process that belongs to somebody else, and works elsewhere."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True, cwd=tmp_path) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    "change", ["host", "boot_id", "pid_namespace", "folder", "all of an earlier version"]
)
def test_a_process_is_ended_only_where_everything_fits(room, gone, bystander, change):
    take(room, gone)
    folder = room.attempts / "train" / "1"
    note_engine(room, "train", pid=bystander.pid, started=start_time(bystander.pid), folder=folder)
    note = json.loads(room.engine_lock("train").read_text())
    if change == "folder":  # not one of an attempt in this workspace, though the process works there
        note["folder"] = str(Path(f"/proc/{bystander.pid}/cwd").readlink())
    elif change == "all of an earlier version":
        note = {"pid": note["pid"], "started": note["started"]}
    else:
        note |= {change: "another", "folder": str(Path(f"/proc/{bystander.pid}/cwd").readlink())}
    room.engine_lock("train").write_text(json.dumps(note))
    said = []

    with locked(room, said.append):
        assert bystander.poll() is None

    doubt = f".lock.train names process {bystander.pid}; whether that is an engine of ours cannot be told"
    # Of an earlier start of this machine nothing is left: that is known.
    assert said[1:] == ([] if change == "boot_id" else [doubt])


def test_a_process_that_works_elsewhere_is_not_ended(room, gone, bystander):
    take(room, gone)
    folder = room.attempts / "train" / "1"
    note_engine(room, "train", pid=bystander.pid, started=start_time(bystander.pid), folder=folder)

    with locked(room):
        assert bystander.poll() is None
    assert room.engine_lock("train").exists()


def test_an_engine_of_another_host_is_not_taken_for_gone(room, gone):
    take(room, gone)
    folder = room.attempts / "train" / "1"
    note_engine(room, "train", pid=2**22 - 1, started="1", folder=folder)
    note = json.loads(room.engine_lock("train").read_text()) | {"host": "node17"}
    room.engine_lock("train").write_text(json.dumps(note))

    with locked(room):
        assert room.engine_lock("train").exists()


def test_a_run_gives_back_its_own_lock_and_no_other(room):
    with locked(room):
        assert unlock(room, force=True, is_over=is_over).startswith(f"process {os.getpid()} on ")
        take(room, OTHER)

    assert holder_of(room) == OTHER


def test_a_lock_of_an_earlier_start_of_the_machine_is_of_a_run_that_is_gone(room):
    mine = this_run()
    take(room, dataclasses.replace(mine, boot_id="00000000-0000-0000-0000-000000000000"))

    with locked(room):
        assert holder_of(room).boot_id == mine.boot_id


IN_A_NAMESPACE = """
import sys, time
from pathlib import Path
from harness.workspace.engines import engines_of, note_engine
from harness.workspace.layout import Workspace
from harness.workspace.lock import take, this_run
take(Workspace(Path(sys.argv[1])), this_run())
print("taken", flush=True)
time.sleep(60)
"""


def test_of_a_run_in_another_pid_namespace_nobody_can_tell(room, checkout):
    if os.getuid() or shutil.which("unshare") is None:
        pytest.skip("a pid namespace is made by root, with unshare")
    command = [
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        sys.executable,
        "-c",
        IN_A_NAMESPACE,
    ]
    names = {**os.environ, "PYTHONPATH": str(checkout)}
    with subprocess.Popen([*command, str(room.root)], stdout=subprocess.PIPE, env=names, text=True) as inside:
        try:
            assert inside.stdout.readline() == "taken\n"
            with pytest.raises(Locked) as caught, locked(room):
                pass
            assert caught.value.remedy.startswith("if that run is surely over: ")
            with pytest.raises(CannotTell) as doubt:
                unlock(room, force=False, is_over=is_over)
            assert doubt.value.exit_status == 5
        finally:
            inside.kill()


@pytest.mark.parametrize(
    "content",
    [
        *(None, b"", b"\xff\x00{", b"[]", b'{"host": 1}', b"[" * 100_000),
        b'{"host": "x", "pid": "5", "started": "1"}',
        b'{"host": "x", "pid": 5, "started": "1", "slurm_job": 7}',
    ],
)
def test_a_lock_that_cannot_be_understood_is_refused_with_the_way_out(room, content):
    room.root.mkdir()
    if content is None:
        room.lock.mkdir()
    else:
        room.lock.write_bytes(content)

    with (
        pytest.raises(Locked, match="is held by a run whose lock cannot be read since 2") as caught,
        locked(room),
    ):
        pass

    assert caught.value.remedy.endswith(f"jamcam unlock --workspace {room.root} --force")
    with pytest.raises(CannotTell, match="cannot be told from here"):
        unlock(room, force=False, is_over=is_over)
    unlock(room, force=True, is_over=is_over)
    with locked(room):
        pass


def test_unlock_asks_for_a_word_where_the_lock_is_from_elsewhere_and_names_its_holder(room):
    take(room, Holder(host="node17", pid=5, started="1"))

    with pytest.raises(CannotTell, match="is held by process 5 on node17 since 2"):
        unlock(room, force=False, is_over=is_over)
    assert unlock(room, force=True, is_over=is_over).startswith("process 5 on node17 since 2")
    assert unlock(room, force=False, is_over=is_over) == ""


def test_unlock_removes_the_lock_of_a_run_that_is_gone(room, gone):
    take(room, gone)

    assert unlock(room, force=False, is_over=is_over).startswith(f"{gone} since 2")
    assert holder_of(room) is None


def test_unlock_leaves_a_living_run_alone_unless_forced(room):
    take(room, Holder(host=socket.gethostname(), pid=os.getpid(), started=start_time(os.getpid())))

    with pytest.raises(Locked):
        unlock(room, force=False, is_over=is_over)

    assert unlock(room, force=True, is_over=is_over).startswith(f"process {os.getpid()} on ")
    assert holder_of(room) is None


def test_a_lock_tells_everybody_who_shares_the_workspace_who_holds_it(room, mode_of_files):
    take(room, ME)

    assert stat.S_IMODE(room.lock.stat().st_mode) == mode_of_files


def test_a_lock_of_somebody_else_names_that_user(room):
    take(room, Holder(host="node17", pid=5, started="1"))
    if os.getuid():
        pytest.skip("only root can give a file to another user")
    nobody = pwd.getpwnam("nobody")
    os.chown(room.lock, nobody.pw_uid, nobody.pw_gid)

    with pytest.raises(CannotTell, match=r"is held by process 5 on node17 \(user nobody\) since 2"):
        unlock(room, force=False, is_over=is_over)


def test_a_lock_for_its_owner_alone_is_refused_in_words(room, monkeypatch):
    take(room, ME)
    monkeypatch.setattr(
        "pathlib.Path.read_bytes", lambda path: (_ for _ in ()).throw(PermissionError(13, "denied"))
    )

    assert holder_of(room) == Holder(host="(unreadable lock)", pid=0, started="")
    with pytest.raises(CannotTell, match="a run whose lock cannot be read since 2"):
        unlock(room, force=False, is_over=is_over)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, r"ask strangers, whose it is, to share it: chmod -R g\+rwX .*; or give another"),
        (errno.ENOSPC, "make room there; or give another --workspace"),
        (errno.EROFS, "make it writable; or give another --workspace"),
    ],
)
def test_a_workspace_that_cannot_be_written_says_what_would_help(room, monkeypatch, number, remedy):
    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("harness.workspace.lock.create_once", refuse)
    monkeypatch.setattr("harness.workspace.lock.other_owner", lambda path: "strangers")
    with pytest.raises(HarnessError, match=rf"cannot write in {room.root}: {os.strerror(number)}") as caught:
        locked(room).__enter__()

    assert re.fullmatch(rf"{remedy}.*", caught.value.remedy)


def test_a_run_that_is_stopped_is_told_as_that_and_how_it_goes_on(room):
    with subprocess.Popen(["sleep", "60"]) as process:
        take(room, dataclasses.replace(this_run(), pid=process.pid, started=start_time(process.pid)))
        remedies = []
        for number in (signal.SIGSTOP, signal.SIGCONT):
            process.send_signal(number)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WCONTINUED)
            with pytest.raises(Locked) as caught:
                locked(room).__enter__()
            remedies.append(caught.value.remedy)
        process.kill()

    end = f"or end it: kill {process.pid}"
    assert remedies == [
        f"it is stopped, as by Ctrl-Z: let it go on with kill -CONT {process.pid}, {end}",
        f"wait for it to end, {end}",
    ]


def test_who_cannot_end_a_run_is_told_whom_to_ask(room, monkeypatch):
    take(room, this_run())
    monkeypatch.setattr("harness.process.identity.os.geteuid", lambda: os.getuid() + 1)
    asked = pwd.getpwuid(os.getuid()).pw_name
    with pytest.raises(Locked) as caught:
        unlock(room, force=False, is_over=is_over)

    assert caught.value.remedy == f"ask {asked} to end it; it gives the workspace back itself"


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
