"""Hold a workspace for one run: refuse where somebody works in it, tidy up after who was killed."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator

from harness.engine.find import CONTAINER
from harness.errors import HarnessError, Locked
from harness.files import remove
from harness.process.identity import end, is_running, start_time
from harness.queue.slurm import is_over
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, engines_of, holder_of, release, take, take_away


@contextlib.contextmanager
def hold(workspace: Workspace, *, say: Callable[[str], None]) -> Iterator[None]:
    """Nobody else works in `workspace` inside this context.

    Raises:
        Locked: another run holds it, or may hold it from another host.
        HarnessError: the folder cannot be written.
    """
    me = Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        started=start_time(os.getpid()) or "",
        slurm_job=".".join(
            os.environ[name] for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT") if os.environ.get(name)
        ),
    )
    try:
        _take(workspace, me, say)
    except OSError as error:
        remedy = f"start the image with --bind YOUR_WORKSPACE:{workspace.root}" if CONTAINER else "free it"
        raise HarnessError(
            f"cannot write in {workspace.root}: {error.strerror}", remedy=f"{remedy}, or give another --workspace"
        ) from error
    try:
        yield
    finally:
        release(workspace)


def _take(workspace: Workspace, me: Holder, say: Callable[[str], None]) -> None:
    try:
        take(workspace, me)
    except FileExistsError:
        found = holder_of(workspace)
        if found is not None:
            _refuse_unless_gone(workspace, found, me)
            if take_away(workspace, found):
                say(f"took over the workspace from {found}, which is gone")
        try:
            take(workspace, me)
        except FileExistsError:
            raise _locked(workspace, holder_of(workspace) or me, "wait for it to end") from None
    _end_survivors(workspace, say)


def _refuse_unless_gone(workspace: Workspace, found: Holder, me: Holder) -> None:
    if found.host != me.host:
        # A job leaves its lock behind when its node goes down, or when it is killed on one that is no longer ours.
        job, mine = found.slurm_job.partition(".")[0], me.slurm_job.partition(".")[0]
        if job and found.slurm_job != me.slurm_job and (job == mine or is_over(job)):
            return
        raise _locked(workspace, found, f"if that run is surely over: jamcam unlock --workspace {workspace.root}")
    if is_running(found.pid, found.started):
        raise _locked(workspace, found, f"wait for it to end, or end it: kill {found.pid}")


def _locked(workspace: Workspace, found: Holder, remedy: str) -> Locked:
    return Locked(f"{workspace.root} is held by {found}", remedy=remedy)


def _end_survivors(workspace: Workspace, say: Callable[[str], None]) -> None:
    for path, engine in engines_of(workspace):
        if is_running(engine.pid, engine.started):
            say(f"ending the engine {engine.pid}, which outlived its run")
            end(engine.pid, engine.started)
        remove(path)


def unlock(workspace: Workspace, *, force: bool) -> Holder | None:
    """Remove the lock; the holder it named, or None where there was no lock.

    Raises:
        Locked: the holder is alive on this host, and `force` is not given.
    """
    found = holder_of(workspace)
    if found is None:
        return None
    if not force and found.host == socket.gethostname() and is_running(found.pid, found.started):
        raise _locked(workspace, found, f"end it first: kill {found.pid}")
    release(workspace)
    return found
