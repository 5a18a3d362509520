"""The lock of a workspace: which run holds it, and which engines work for that run.

`.lock` names the run, `.lock.<stage>` the engine that a stage started. A lock whose run is gone is taken
over, and engines that outlived it are ended; a lock whose run may be alive is refused.
"""

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import HarnessError, Locked
from harness.files import create_once, remove
from harness.process.identity import CONTAINER, end, is_running, start_time
from harness.workspace.layout import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A run that holds a workspace."""

    host: str
    pid: int
    started: str  # the process's start time, which tells it from a later one of the same number
    slurm_job: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" + (
            f" (Slurm job {self.slurm_job})" if self.slurm_job else ""
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineProcess:
    """An engine that a run started."""

    pid: int
    started: str


@contextlib.contextmanager
def workspace_lock(
    workspace: Workspace, *, say: Callable[[str], None], is_over: Callable[[str], bool]
) -> Iterator[None]:
    """Nobody else works in `workspace` inside this context.

    Args:
        say: receives a line for each thing a person may want to know.
        is_over: whether the queue says for certain that the job of that number is at work no more.

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
        _take(workspace, me, say, is_over)
    except OSError as error:
        remedy = f"start the image with --bind YOUR_WORKSPACE:{workspace.root}" if CONTAINER else "free it"
        raise HarnessError(
            f"cannot write in {workspace.root}: {error.strerror}",
            remedy=f"{remedy}, or give another --workspace",
        ) from error
    try:
        yield
    finally:
        release(workspace)


def unlock(workspace: Workspace, *, force: bool) -> Holder | None:
    """Remove the lock; the holder it named, or None where there was no lock.

    Raises:
        Locked: the holder is alive on this host, and `force` is not given.
    """
    holder = holder_of(workspace)
    if holder is None:
        return None
    if not force and holder.host == socket.gethostname() and is_running(holder.pid, holder.started):
        raise _locked(workspace, holder, f"end it first: kill {holder.pid}")
    release(workspace)
    return holder


def holder_of(workspace: Workspace) -> Holder | None:
    """Who holds the workspace, or None. A lock nobody can read is held by nobody on no host."""
    try:
        text = workspace.lock.read_text()
    except FileNotFoundError:
        return None
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return Holder(host="(unreadable lock)", pid=0, started="")


def take(workspace: Workspace, holder: Holder) -> None:
    """Write the lock.

    Raises:
        FileExistsError: somebody holds the workspace.
    """
    create_once(workspace.lock, _content(holder))


def take_away(workspace: Workspace, stale: Holder) -> bool:
    """Remove the lock of `stale` and of nobody else; whether it was ours to remove."""
    aside = workspace.lock.with_name(f"{workspace.lock.name}.stale.{os.getpid()}")
    try:
        workspace.lock.rename(aside)  # of several takers only one gets the file
    except FileNotFoundError:
        return False
    content = aside.read_bytes()
    if content != _content(stale):
        # Somebody took it over between our look and our rename: put it back, unless there is another by now.
        with contextlib.suppress(FileExistsError):
            create_once(workspace.lock, content)
    remove(aside)
    return content == _content(stale)


def release(workspace: Workspace) -> None:
    """Give the workspace back."""
    remove(workspace.lock)


def engines_of(workspace: Workspace) -> list[tuple[Path, EngineProcess]]:
    """Engines that were at work when their run ended, with the files that name them."""
    engines = []
    for path in sorted(workspace.root.glob(".lock.*")):
        try:
            engines.append((path, EngineProcess(**json.loads(path.read_text()))))
        except (ValueError, TypeError, OSError):
            continue
    return engines


def _take(
    workspace: Workspace, me: Holder, say: Callable[[str], None], is_over: Callable[[str], bool]
) -> None:
    try:
        take(workspace, me)
    except FileExistsError:
        holder = holder_of(workspace)
        if holder is not None:
            _refuse_unless_gone(workspace, holder, me, is_over)
            if take_away(workspace, holder):
                say(f"took over the workspace from {holder}, which is gone")
        try:
            take(workspace, me)
        except FileExistsError:
            raise _locked(workspace, holder_of(workspace) or me, "wait for it to end") from None
    _end_survivors(workspace, say)


def _refuse_unless_gone(
    workspace: Workspace, holder: Holder, me: Holder, is_over: Callable[[str], bool]
) -> None:
    if holder.host != me.host:
        # A job leaves its lock behind when its node goes down, or when it is killed on one that is no longer
        # ours.
        job, mine = holder.slurm_job.partition(".")[0], me.slurm_job.partition(".")[0]
        if job and holder.slurm_job != me.slurm_job and (job == mine or is_over(job)):
            return
        raise _locked(
            workspace, holder, f"if that run is surely over: jamcam unlock --workspace {workspace.root}"
        )
    if is_running(holder.pid, holder.started):
        raise _locked(workspace, holder, f"wait for it to end, or end it: kill {holder.pid}")


def _locked(workspace: Workspace, holder: Holder, remedy: str) -> Locked:
    return Locked(f"{workspace.root} is held by {holder}", remedy=remedy)


def _end_survivors(workspace: Workspace, say: Callable[[str], None]) -> None:
    for path, engine in engines_of(workspace):
        if is_running(engine.pid, engine.started):
            say(f"ending the engine {engine.pid}, which outlived its run")
            end(engine.pid, engine.started)
        remove(path)


def _content(holder: Holder) -> bytes:
    return json.dumps(asdict(holder), sort_keys=True).encode()
