"""The lock of a workspace, `.lock`, which names the run that holds it.

A lock whose run is gone is taken over, and engines that outlived it are ended; a lock whose run is alive, or
may be, is refused. It may come from another machine, another start of this one, or another pid namespace,
where its process numbers mean nothing.
"""

import contextlib
import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from harness.clock import utc
from harness.errors import CannotTell, HarnessError, Locked
from harness.files import OTHERS_READ, create_once, remove
from harness.process.identity import (
    CONTAINER,
    boot_id,
    is_running,
    is_stopped,
    other_owner,
    pid_namespace,
    start_time,
)
from harness.verdict import Verdict
from harness.workspace.engines import end_survivors
from harness.workspace.layout import Workspace
from harness.workspace.leftovers import sweep_half_written


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A run that holds a workspace."""

    host: str
    pid: int
    started: str  # the process's start time, which tells it from a later one of the same number
    slurm_job: str = ""
    boot_id: str = ""  # this and what follows: "" in a lock of an earlier version, or where it is unknown
    pid_namespace: str = ""
    token: str = ""  # nobody else's

    def __str__(self) -> str:
        if not self.pid:
            return "a run whose lock cannot be read"
        return f"process {self.pid} on {self.host}" + (
            f" (Slurm job {self.slurm_job})" if self.slurm_job else ""
        )

    def is_process_of(self, other: "Holder") -> bool:
        """Whether both are of one process, which takes a new token each time."""
        return replace(self, token="") == replace(other, token="")


TURN = ".takeover-"  # with the lock that is taken over and the number of the taker: a file of its turn
UNREADABLE = Holder(host="(unreadable lock)", pid=0, started="")


def this_run() -> Holder:
    """This process, as a lock names it."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        started=start_time(os.getpid()) or "",
        slurm_job=".".join(
            os.environ[name] for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT") if os.environ.get(name)
        ),
        boot_id=boot_id(),
        pid_namespace=pid_namespace(),
        token=os.urandom(8).hex(),
    )


def is_alive(holder: Holder, is_over: Callable[[str], bool]) -> Verdict:
    """Whether the run that a lock names is at work, asked for on this machine.

    Args:
        is_over: whether the queue says for certain that the job of that number is at work no more.
    """
    me = this_run()
    if holder.host != me.host:
        # A job leaves its lock behind when its node goes down, or when it is killed on one that is no longer
        # ours.
        job, mine = holder.slurm_job.partition(".")[0], me.slurm_job.partition(".")[0]
        over = bool(job) and holder.slurm_job != me.slurm_job and (job == mine or is_over(job))
        return Verdict.NO if over else Verdict.CANNOT_TELL
    if holder.boot_id and me.boot_id and holder.boot_id != me.boot_id:
        return Verdict.NO
    if holder.pid_namespace and me.pid_namespace and holder.pid_namespace != me.pid_namespace:
        return Verdict.CANNOT_TELL
    return Verdict.YES if is_running(holder.pid, holder.started) else Verdict.NO


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
    me = this_run()
    try:
        _take(workspace, me, say, is_over)
    except OSError as error:
        raise _unwritable(workspace, error) from error
    try:
        yield
    finally:
        release(workspace, me)


def unlock(workspace: Workspace, *, force: bool, is_over: Callable[[str], bool]) -> str:
    """Remove the lock; who held it and since when, or nothing where there was no lock.

    Raises:
        Locked: the holder is alive, and `force` is not given.
        CannotTell: nobody can say here whether it is, and `force` is not given.
    """
    holder = holder_of(workspace)
    if holder is None:
        return ""
    held = _holder_since(workspace, holder)
    alive = Verdict.NO if force else is_alive(holder, is_over)
    if alive is Verdict.YES:
        raise _locked(workspace, holder, f"{_end_it(workspace, holder)}; it gives the workspace back itself")
    if alive is Verdict.CANNOT_TELL:
        raise CannotTell(
            f"{_held_by(workspace, holder)}, and whether that run is over cannot be told from here",
            remedy=f"if it surely is: {_by_force(workspace)}",
        )
    try:
        if holder == UNREADABLE:
            remove(workspace.lock)
        else:
            take_away(workspace, holder)
    except OSError as error:
        raise _unwritable(workspace, error) from error
    return held


def holder_of(workspace: Workspace) -> Holder | None:
    """Who holds the workspace, or None. What holds a lock that cannot be read or understood is UNREADABLE."""
    try:
        return parsed(workspace.lock.read_bytes())
    except FileNotFoundError:
        return None
    except (IsADirectoryError, PermissionError):  # an earlier version wrote locks for their owner alone
        return UNREADABLE


def parsed(content: bytes) -> Holder:
    """The holder in a lock or a note of one; UNREADABLE where it holds none."""
    try:
        holder = Holder(**json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return UNREADABLE
    values = asdict(holder).items()
    sound = all(isinstance(value, int if name == "pid" else str) for name, value in values)
    return holder if sound else UNREADABLE


def take(workspace: Workspace, holder: Holder) -> None:
    """Write the lock.

    Raises:
        FileExistsError: somebody holds the workspace.
    """
    # Several people may share a workspace, and each wants to know who holds it.
    create_once(workspace.lock, _content(holder), mode=OTHERS_READ)


def take_away(workspace: Workspace, stale: Holder) -> bool:
    """Remove the lock of `stale` and of nobody else; whether it was ours to remove."""
    aside = workspace.lock.with_name(f"{workspace.lock.name}.stale.{os.getpid()}")
    try:
        workspace.lock.rename(aside)  # of several takers only one gets the file
    except FileNotFoundError:
        return False
    if aside.is_dir():  # no lock of ours
        aside.rename(workspace.lock)
        return False
    content = aside.read_bytes()
    fits = parsed(content) == stale != UNREADABLE
    if not fits:
        # Somebody took it over between our look and our rename: put it back, unless there is another by now.
        with contextlib.suppress(FileExistsError):
            create_once(workspace.lock, content, mode=OTHERS_READ)
    remove(aside)
    return fits


def take_over(workspace: Workspace, stale: Holder, me: Holder, is_over: Callable[[str], bool]) -> bool:
    """Remove the lock of a run that is gone; whether it was this process that did.

    One taker at a time has the turn, and looks at the lock again in it: without turns one could remove the
    lock that another one has just written. The turn of a taker that is gone goes to the next one.
    """
    mark = hashlib.sha256(_content(stale)).hexdigest()[:16]
    turns = sorted(workspace.root.glob(f"{TURN}{mark}.*"), key=lambda path: int(path.suffix[1:]))
    with contextlib.suppress(FileNotFoundError):  # that taker is done
        if turns and is_alive(parsed(turns[-1].read_bytes()), is_over) is not Verdict.NO:
            return False
    number = int(turns[-1].suffix[1:]) + 1 if turns else 0
    try:
        create_once(workspace.root / f"{TURN}{mark}.{number}", _content(me), mode=OTHERS_READ)
    except FileExistsError:
        return False
    try:
        return holder_of(workspace) == stale and take_away(workspace, stale)
    finally:
        for each in range(number + 1):
            remove(workspace.root / f"{TURN}{mark}.{each}")


def release(workspace: Workspace, me: Holder) -> None:
    """Give the workspace back, unless somebody else has taken it over meanwhile."""
    if holder_of(workspace) == me:
        take_away(workspace, me)


def _take(
    workspace: Workspace, me: Holder, say: Callable[[str], None], is_over: Callable[[str], bool]
) -> None:
    try:
        take(workspace, me)
    except FileExistsError:
        holder = holder_of(workspace)
        if holder is not None:
            _refuse_unless_gone(workspace, holder, is_over)
            if take_over(workspace, holder, me, is_over):
                say(f"took over the workspace from {holder}, which is gone")
        try:
            take(workspace, me)
        except FileExistsError:
            raise _locked(workspace, holder_of(workspace) or me, "wait for it to end") from None
    end_survivors(workspace, say)
    sweep_half_written(workspace)


def _refuse_unless_gone(workspace: Workspace, holder: Holder, is_over: Callable[[str], bool]) -> None:
    alive = is_alive(holder, is_over)
    if alive is Verdict.YES:
        wait = "wait for it to end"
        if is_stopped(holder.pid):
            wait = f"it is stopped, as by Ctrl-Z: let it go on with kill -CONT {holder.pid}"
        raise _locked(workspace, holder, f"{wait}, or {_end_it(workspace, holder)}")
    if alive is Verdict.CANNOT_TELL:
        raise _locked(workspace, holder, f"if that run is surely over: {_by_force(workspace)}")


def _held_by(workspace: Workspace, holder: Holder) -> str:
    return f"{workspace.root} is held by {_holder_since(workspace, holder)}"


def _holder_since(workspace: Workspace, holder: Holder) -> str:
    with contextlib.suppress(OSError):
        other = other_owner(workspace.lock)
        return f"{holder}{other and f' (user {other})'} since {utc(workspace.lock.stat().st_mtime)}"
    return str(holder)


def _end_it(workspace: Workspace, holder: Holder) -> str:
    other = other_owner(workspace.lock)
    return f"ask {other} to end it" if other else f"end it: kill {holder.pid}"


def _unwritable(workspace: Workspace, error: OSError) -> HarnessError:
    root, other = workspace.root, other_owner(workspace.root)
    remedy = "make room there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable"
    if CONTAINER:
        remedy = f"start the image with --bind YOUR_WORKSPACE:{root}"
    elif isinstance(error, PermissionError) and other:
        remedy = f"ask {other}, whose it is, to share it: chmod -R g+rwX {root}, and umask 002 for later runs"
    words = f"cannot write in {root}: {error.strerror}"
    return HarnessError(words, remedy=f"{remedy}; or give another --workspace")


def _by_force(workspace: Workspace) -> str:
    return f"jamcam unlock --workspace {workspace.root} --force"


def _locked(workspace: Workspace, holder: Holder, remedy: str) -> Locked:
    return Locked(_held_by(workspace, holder), remedy=remedy)


def _content(holder: Holder) -> bytes:
    return json.dumps(asdict(holder), sort_keys=True).encode()
