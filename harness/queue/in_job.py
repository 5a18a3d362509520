"""Inside a job: run the command, stop it when Slurm warns of the time limit, and let the run continue."""

import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from harness.files import remove
from harness.process.console import bound_to_us
from harness.queue import slurm
from harness.queue.kept_work import changed_s, kept_unix_s
from harness.queue.notes import QueuedRun, machinery
from harness.queue.script import LOG_CHANGED
from harness.queue.states import MEASURING
from harness.text import tell
from harness.workspace.layout import Workspace

# Exit status of a job that was stopped ahead of its limit and is continued; submitters read the notes, not
# this.
TO_BE_CONTINUED = 75


def work(folder: Path, segment: int, command: Sequence[str]) -> int:
    """Run `jamcam COMMAND` as the job of that segment of the run in `folder`, and return its exit status.

    When Slurm's warning comes, the command is stopped and the job put back into the queue, provided that
    something was finished that need not be done again; else it would stop at the same place each time.
    """
    run, workspace = QueuedRun(folder=folder, command=tuple(command)), Workspace(folder.parent.parent)
    number = os.environ["SLURM_JOB_ID"]
    job, task = os.environ.get("SLURM_ARRAY_JOB_ID", number), os.environ.get("SLURM_ARRAY_TASK_ID", "")
    if run.claim(segment, job) != job:
        tell(
            f"jamcam: job {run.job(segment)} does this already; nothing to do for job {job}",
            stream=sys.stderr,
        )
        return 4
    restart = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    remove(run.preparation_note(segment))  # of an earlier start of this job
    note: Callable[..., None] = functools.partial(run.note_allocation, segment, task=task, restart=restart)
    started_s, heard_s = time.time(), _heard_s() or changed_s(run.log(segment, task))
    note(
        "start",
        job_id=job,
        host=socket.gethostname(),
        kept_unix_s=kept_unix_s(workspace),
        heard_unix_s=heard_s,
        **machinery(os.environ),
    )
    status, warned = _run(command)
    kept_s = kept_unix_s(workspace)
    note_end = functools.partial(note, "end", exit_status=status, warned=warned, kept_unix_s=kept_s)
    if not warned or status == 0:
        note_end()
        return status
    if why_not := _why_not_continued(command, kept_s, started_s):
        tell(f"jamcam: {why_not}: it needs a longer WALL_TIME")
        note_end()
        return status
    return _continue_later(number, note_end)


def _heard_s() -> float:
    """When an earlier start of this job was last heard of, as the script saw it; 0 where it did not."""
    text = os.environ.pop(LOG_CHANGED, "")
    return float(text) if text.isdecimal() else 0.0


def _why_not_continued(command: Sequence[str], kept_s: float, started_s: float) -> str:
    """Why another job would be of no use; "" where it would finish more."""
    if command[0] in MEASURING:
        return "half a measurement is none, and what was finished is kept"
    return "no stage and no checkpoint was finished in this job" if kept_s < started_s else ""


def _continue_later(number: str, note_end: Callable[..., None]) -> int:
    tell("jamcam: the run goes on from here in the next job")
    # The note comes first: once the job is back in the queue, this process is killed.
    note_end(goes_on="requeue")
    if not slurm.requeue(number):
        note_end(goes_on="next job")
    return TO_BE_CONTINUED


def _run(command: Sequence[str]) -> tuple[int, bool]:
    """Exit status of `jamcam COMMAND`, and whether Slurm warned of the time limit while it ran."""
    warned: list[int] = []
    child: list[subprocess.Popen[bytes]] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            warned.append(number)
            tell("jamcam: the time limit is near: stopping")
        for process in child:
            process.terminate()

    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # Ended with this process, so that nothing goes on working when it is killed.
    child.append(subprocess.Popen(bound_to_us([sys.executable, "-m", "harness", *command])))
    if warned:
        child[0].terminate()
    status = child[0].wait()
    return 128 - status if status < 0 else status, bool(warned)
