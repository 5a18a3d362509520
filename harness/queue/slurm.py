"""Slurm through its own commands: submit, look, requeue; it asks rarely, since many people share a scheduler."""

import contextlib
import hashlib
import json
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.errors import ConfigError, HarnessError
from harness.files import create_once, remove, write_json
from harness.process.console import bound_to_us
from harness.queue.environment import carried
from harness.queue.states import PENDING, UNFINISHED, JobRow

PATIENCE_S = 90.0  # for one command; a busy controller may take a minute
# Words of a controller that has read a request and declined it. Anything else may mean that the job was
# taken.
DECLINED = re.compile(
    "invalid|not available|denied|policy|limit|exceed|can ?not|permitted|specification|down", re.I
)


class InDoubt(HarnessError):
    """The scheduler gave no clear answer; asking again later is right."""


def submit(script: Path) -> str:
    """Submit a batch script and return the job's number.

    Raises:
        InDoubt: nobody knows whether the job was taken.
        ConfigError: it was refused, with Slurm's own words.
    """
    # Ended with its submitter, so that no sbatch goes on trying after that is gone.
    status, printed, complaint = _call(bound_to_us(["sbatch", "--parsable", str(script)]))
    number = printed.strip().partition(";")[0]
    if status == 0 and number.isdigit():
        return number
    if status == 127:
        raise ConfigError("there is no sbatch on this machine", remedy="give the command on a login node")
    if re.search("configuration (source|file)", complaint):
        raise ConfigError(
            f"Slurm is installed here and knows of no cluster: {complaint.splitlines()[-1]}",
            remedy="give the command on a login node, or set SLURM_CONF to the cluster's slurm.conf",
        )
    sent = not complaint or "submission failed" in complaint or "timed out" in complaint
    if status == 0 or (sent and not DECLINED.search(complaint)):
        raise InDoubt(f"sbatch gave no clear answer: {complaint or printed}", remedy="wait")
    raise ConfigError(
        f"Slurm refused the job: {complaint}", remedy="correct ACCOUNT, QOS, PARTITION, WALL_TIME or GPUS"
    )


def requeue(job: str) -> bool:
    """Put the running job back into the queue; whether Slurm agreed."""
    return _call(["scontrol", "requeue", job])[0] == 0


def is_over(job: str) -> bool:
    """Whether Slurm says for certain that the job no longer works."""
    status, printed, complaint = _call(["squeue", "-h", "-j", job, "-o", "%T"])
    return "Invalid job id" in complaint if status else not set(printed.split()) & (UNFINISHED - {PENDING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The scheduler's last answer about all jobs of a user."""

    asked_unix_s: float = 0.0
    rows: tuple[JobRow, ...] = ()
    accounted: tuple[JobRow, ...] = ()  # jobs that the queue no longer lists, where there is accounting
    error: str = ""  # why there was no answer

    def of(self, job_id: str) -> list[JobRow]:
        """All that is known of a job: from the queue, else from accounting."""
        of_job = [[row for row in rows if row.job_id == job_id] for rows in (self.rows, self.accounted)]
        return of_job[0] or of_job[1]


@dataclass(frozen=True, slots=True)
class Queue:
    """The user's jobs. All waiting runs of a user share one answer, and one of them at a time asks for the next."""

    poll_s: float

    def look(self, forgotten: str = "") -> Answer:
        """The newest answer there is; asks for a newer one when it is time.

        Args:
            forgotten: a job that the queue no longer lists: accounting is asked for it instead.
        """
        folder = _shared_folder()
        before = _read(folder / "answers.json")
        # Up to a fifth longer, so that many users' runs do not ask at the same moment.
        if 0 <= time.time() - before.asked_unix_s < self.poll_s * random.uniform(1.0, 1.2):
            return before
        turn = folder / f"turn-{before.asked_unix_s:.6f}"
        try:
            create_once(turn, b"")
        except FileExistsError:
            with contextlib.suppress(OSError):
                if time.time() - turn.stat().st_mtime > self.poll_s + 2 * PATIENCE_S:
                    remove(turn)  # the process that had this turn is gone
            return before
        answer = before
        if _read(folder / "answers.json") == before:  # else another process has had this turn
            answer = _newer(before, forgotten)
            write_json(folder / "answers.json", asdict(answer))
        remove(turn)
        return answer


def _newer(before: Answer, forgotten: str) -> Answer:
    now = time.time()
    queue = ["squeue", "-h", "-u", str(os.getuid()), "-t", "all", "-o", "%F|%K|%T|%j|%r"]
    accounting = ["sacct", "-n", "-X", "-P", "-j", forgotten, "-o", "JobID,State,JobName"]
    status, printed, complaint = _call(accounting if forgotten else queue)
    # That a site has no accounting is an answer, too.
    if status and not (forgotten and "disabled" in complaint):
        return replace(before, asked_unix_s=now, error=complaint or "no answer")
    lines = printed.splitlines() if status == 0 else []
    if not forgotten:
        cells = [line.strip().split("|", 4) for line in lines]
        rows = [
            JobRow(job_id=job, task=task.replace("N/A", ""), state=state, name=name, reason=why)
            for job, task, state, name, why in cells
        ]
        return replace(before, asked_unix_s=now, rows=tuple(rows), error="")
    rows = [row for row in before.accounted if row.job_id != forgotten]
    for number, state, name in (line.strip().split("|", 2) for line in lines):
        job, _, task = number.partition("_")
        # Accounting has "CANCELLED by 1000", and "CANCELLED+" where it lacks room.
        rows.append(JobRow(job_id=job, task=task, state=state.split()[0].rstrip("+"), name=name))
    return replace(before, asked_unix_s=now, accounted=tuple(rows), error="")


def _read(path: Path) -> Answer:
    try:
        table = json.loads(path.read_text())
        rows = {name: tuple(JobRow(**row) for row in table[name]) for name in ("rows", "accounted")}
        return Answer(**{**table, **rows})
    except (OSError, ValueError, KeyError, TypeError):
        return Answer()


def _shared_folder() -> Path:
    """One for each cluster that shares the home folder, by its configuration and its login nodes' names."""
    cluster = os.environ.get("SLURM_CONF", "") + re.sub(r"\d+", "", socket.gethostname())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "jamcam" / f"queue-{hashlib.sha256(cluster.encode()).hexdigest()[:12]}"


def _call(command: Sequence[str]) -> tuple[int, str, str]:
    """Exit status, output and complaint of one of Slurm's commands; 127 where there is none."""
    # SBATCH_* and SLURM_* of the caller would change the job without a word.
    names = carried(os.environ) | {name: os.environ[name] for name in ("SLURM_CONF",) if name in os.environ}
    try:
        answer = subprocess.run(
            command, env=names, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except FileNotFoundError:
        return 127, "", f"there is no {command[0]} on this machine"
    except subprocess.TimeoutExpired:
        return 1, "", f"{command[0]} timed out after {PATIENCE_S:.0f} s"
    return answer.returncode, answer.stdout, answer.stderr.strip()
