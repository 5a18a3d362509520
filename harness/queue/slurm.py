"""Slurm through its own commands: submit, look, requeue; asks rarely, as many people share a scheduler."""

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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from harness.errors import ConfigError, HarnessError
from harness.files import create_once, remove, write_json
from harness.process.console import bound_to_us
from harness.queue.environment import carried
from harness.queue.states import PENDING, UNFINISHED, JobRow, array_row

NO_ACCOUNTING = "there is no accounting here"
NO_PROGRAM = 127  # exit status, as a shell has it
QUEUE_ROW = re.compile(
    r"(?P<job_id>\d+)\|(N/A|(?P<task>[^|]*))\|(?P<state>[A-Z_]+)\|(?P<name>[^|]*)\|(?P<reason>.*)"
)
# Accounting has "CANCELLED by 1000", and "CANCELLED+" where it lacks room.
ACCOUNTING_ROW = re.compile(r"(?P<job_id>\d+)(_(?P<task>[^|]*))?\|(?P<state>[A-Z_]+)(\+| by \d+)?(\|.*)?")
ODD_LINES, ODD_LENGTH = 20, 200  # that are kept of what is no row
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
    if status == NO_PROGRAM:
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


def answers() -> bool:
    """Whether a Slurm answers on this machine that has a partition which takes jobs."""
    status, printed, _ = _call(["sinfo", "-h", "-o", "%a"])
    return status == 0 and "up" in printed.split()


def is_over(job: str) -> bool:
    """Whether Slurm says for certain that the job no longer works."""
    status, printed, complaint = _call(["squeue", "-h", "-j", job, "-o", "%T"])
    if status and "Invalid job id" not in complaint:
        return False
    if states := set(re.findall(r"^[A-Z_]+$", printed, re.MULTILINE)):
        return not states & (UNFINISHED - {PENDING})
    # It may be forgotten, or somebody else's whom the site hides.
    rows = accounted(job).of(job)
    return array_row(rows).state not in UNFINISHED if rows else not hides_jobs()


def hides_jobs() -> bool:
    """Whether the site shows people their own jobs alone; also where it does not tell."""
    printed = _call(["scontrol", "show", "config"])[1]
    private = re.search(r"^PrivateData\s*=(.*)$", printed, re.MULTILINE)
    return private is None or bool({"jobs", "all"} & {*re.split(r"[\s,]+", private[1])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the scheduler, or accounting, said when it was last asked."""

    asked_unix_s: float = 0.0
    rows: tuple[JobRow, ...] = ()
    odd: tuple[
        str, ...
    ] = ()  # lines that are no rows, as wrappers of sites and line breaks in names make them
    error: str = ""  # why there was no answer

    def of(self, job_id: str) -> list[JobRow]:
        """The rows of a job: several for an array."""
        return [row for row in self.rows if row.job_id == job_id]


def accounted(job: str) -> Answer:
    """What accounting says of a job; the error NO_ACCOUNTING where there is none."""
    # Without -S, which would begin at midnight: a job asked for by its number is found whenever it ran.
    status, printed, complaint = _call(["sacct", "-n", "-X", "-P", "-j", job, "-o", "JobID,State"])
    if status:
        none = status == NO_PROGRAM or "disabled" in complaint
        return Answer(error=NO_ACCOUNTING if none else complaint or "sacct gave no answer")
    return _answer(ACCOUNTING_ROW, printed)


@dataclass(frozen=True, slots=True)
class Queue:
    """The jobs of one user. All runs that wait for them share one answer; one at a time asks for the next."""

    poll_s: float
    user: int = field(default_factory=os.getuid)
    _own: list[Answer] = field(default_factory=list)  # the newest that this process asked for

    def look(self) -> Answer:
        """The newest answer there is; asks for a newer one when it is time.

        Raises:
            ConfigError: this machine has no squeue.
        """
        # Up to a fifth longer, so that many users' runs do not ask at the same moment.
        wait_s = self.poll_s * random.uniform(1.0, 1.2)
        if self._own and _is_fresh(self._own[0], wait_s):
            return self._own[0]
        try:
            return self._shared(wait_s)
        except (OSError, RuntimeError):  # the home folder is full, not ours to write, or unknown
            return self._ask(self._own[0] if self._own else Answer())

    def shows_all(self) -> bool:
        """Whether a job of this user that is not in the queue's answer is not in the queue."""
        return self.user == os.getuid() or not hides_jobs()

    def _shared(self, wait_s: float) -> Answer:
        folder = _shared_folder(self.user)
        before = _read(folder / "answers.json")
        if _is_fresh(before, wait_s):
            return before
        turn = folder / f"turn-{before.asked_unix_s:.6f}"
        try:
            create_once(turn, b"")
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - turn.stat().st_mtime > self.poll_s + 2 * PATIENCE_S:
                    remove(turn)  # the process that had this turn is gone
            return before
        try:
            if (now := _read(folder / "answers.json")) != before:  # another process has had this turn
                return now
            answer = self._ask(before)
            with contextlib.suppress(OSError):  # a full disk: the others ask for themselves
                write_json(folder / "answers.json", asdict(answer))
            return answer
        finally:
            remove(turn)

    def _ask(self, before: Answer) -> Answer:
        self._own[:] = [_newer(before, self.user)]
        return self._own[0]


def _is_fresh(answer: Answer, wait_s: float) -> bool:
    return 0 <= time.time() - answer.asked_unix_s < wait_s


def _newer(before: Answer, user: int) -> Answer:
    now = time.time()
    status, printed, complaint = _call(["squeue", "-h", "-u", str(user), "-t", "all", "-o", "%F|%K|%T|%j|%r"])
    if status == NO_PROGRAM:
        raise ConfigError(complaint, remedy="give the command on a login node, where the job is waited for")
    if status:
        return replace(before, asked_unix_s=now, error=complaint or "no answer")
    return replace(_answer(QUEUE_ROW, printed), asked_unix_s=now)


def _answer(row: re.Pattern[str], printed: str) -> Answer:
    """The rows among the lines that were printed, and the lines that are none."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    read = [(line, row.fullmatch(line)) for line in lines]
    rows = [{name: text or "" for name, text in one.groupdict().items()} for _, one in read if one]
    odd = [line[:ODD_LENGTH] for line, one in read if not one]
    return Answer(rows=tuple(JobRow(**cells) for cells in rows), odd=tuple(odd[:ODD_LINES]))


def _read(path: Path) -> Answer:
    try:
        table = json.loads(path.read_text())
        rows = tuple(JobRow(**row) for row in table["rows"])
        return Answer(**{**table, "rows": rows, "odd": tuple(table["odd"])})
    except (OSError, ValueError, KeyError, TypeError):
        return Answer()


def _shared_folder(user: int) -> Path:
    """One for each cluster that shares the home folder, by its configuration and its login nodes' names."""
    cluster = f"{user} " + os.environ.get("SLURM_CONF", "") + re.sub(r"\d+", "", socket.gethostname())
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
        return NO_PROGRAM, "", f"there is no {command[0]} on this machine"
    except subprocess.TimeoutExpired:
        return 1, "", f"{command[0]} timed out after {PATIENCE_S:.0f} s"
    return answer.returncode, answer.stdout, answer.stderr.strip()
