"""Waiting for one job: what scheduler, accounting, notes, log and lock say of it, and when it is over.

Silence of the scheduler is no end: a job may be hidden from this user, or accounting be late. GONE is said
only of a job that neither lists, that noted no end, whose log is quiet and that does not hold the workspace.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import CannotTell
from harness.process.identity import is_running, user_name
from harness.queue import slurm
from harness.queue.notes import QueuedRun
from harness.queue.states import COMPLETED, FAILED, GONE, UNFINISHED, JobRow, array_row
from harness.text import duration, tell
from harness.workspace.layout import Workspace
from harness.workspace.lock import UNREADABLE, holder_of

LOOK_S = 1.0  # between two looks at files
FORGOTTEN_LOOKS = 3  # at which neither lists the job: accounting lags behind by seconds
STALE_LOOKS = 10  # at which the queue does not list it, and accounting tells no end or does not answer
QUIET_POLLS = 20  # a log that grew within so many intervals of asking is that of a job at work
LIMIT_SLACK_S = 600.0  # after its time limit within which Slurm has surely ended a job
Say = Callable[[str], None]


@dataclass(slots=True)
class Waiting:
    """A submitter that waits for the job of one segment."""

    run: QueuedRun
    segment: int
    job: str
    queue: slurm.Queue
    wall_time_s: int
    tasks: int  # of an array; 1 without one
    say: Say
    since_s: float = 0.0  # answers from before this moment are not counted
    looks: int = 0  # at the queue, one after another, that did not list the job
    looks_at_notes: int = 0  # of an array whose listed tasks did well, while others are not known
    shown_bytes: int = 0  # of the log
    told: str = ""
    odd: str = ""  # line of the scheduler that was told

    def until_over(self) -> JobRow:
        """The last row of the job; its states and its log are shown meanwhile.

        Raises:
            CannotTell: it is somebody else's, whom the site hides, and nothing here shows it at work.
        """
        log = self.run.log(self.segment)
        self.since_s, self.shown_bytes = (
            time.time(),
            max(0, (log.stat().st_size if log.exists() else 0) - 4096),
        )
        keys = f"Ctrl-C leaves it in the queue, the same command waits again, scancel {self.job} ends it"
        self.say(f"waiting for job {self.job}; {keys}")
        while True:
            self._show_log()
            if row := self._over():
                self._show_log()
                return row
            time.sleep(min(LOOK_S, self.queue.poll_s / 2))

    def _over(self) -> JobRow | None:
        if self.run.end_notes(self.segment).get("", {}).get("exit_status") == 0:
            return self._row(COMPLETED)  # the job's own note is enough, and half a minute sooner
        answer = self.queue.look()
        if answer.error:
            self._tell(f"the scheduler does not answer ({answer.error.splitlines()[0]}); waiting")
            return None
        if answer.odd and not self.odd:
            self.odd = answer.odd[0]
            self.say(f"passing over a line of squeue that is no row: {self.odd!r}")
        is_new = answer.asked_unix_s >= self.since_s
        if rows := answer.of(self.job):
            self.looks = 0
            row = array_row(rows)
            self._tell(_in_words(row))
            if not is_new or row.state in UNFINISHED:
                return None
            return self._of_all_tasks() if self.tasks > 1 and row.state == COMPLETED else row
        if not is_new or any(self.job in line for line in answer.odd):
            return None
        self.since_s = answer.asked_unix_s + 1e-6  # each answer is one look
        self.looks += 1
        return self._unlisted()

    def _of_all_tasks(self) -> JobRow | None:
        """How an array ended of which the tasks that are listed did well.

        Those that ended minutes before the last one are listed no more: their notes tell, or accounting.
        """
        notes = self.run.end_notes(self.segment).values()
        statuses = [note["exit_status"] for note in notes if "exit_status" in note]
        if any(statuses) or len(statuses) == self.tasks:
            return self._row(FAILED if any(statuses) else COMPLETED)
        rows = slurm.accounted(self.job).of(self.job)
        row = array_row(rows) if rows else None
        if row and row.state not in UNFINISHED and (row.state != COMPLETED or len(rows) >= self.tasks):
            return row
        self.looks_at_notes += 1
        if self.looks_at_notes <= STALE_LOOKS:  # files and accounting may be late
            return None
        known = f"{len(statuses)} of {self.tasks} tasks noted that they ended well"
        return self._row(GONE, f"{known}; of the others neither queue nor accounting tells")

    def _unlisted(self) -> JobRow | None:
        """What is known of a job that the queue does not list."""
        answer = slurm.accounted(self.job)
        row = array_row(answer.of(self.job)) if answer.of(self.job) else None
        if row and row.state not in UNFINISHED:
            return row
        is_open = row or answer.error not in ("", slurm.NO_ACCOUNTING)
        if self.looks <= (STALE_LOOKS if is_open else FORGOTTEN_LOOKS):
            return None
        if word := self._own_word():
            return self._row(word)
        accounting = f"sacct says {row.state}" if row else answer.error or "sacct does not list it either"
        unseen = (
            f"the queue did not list it at {self.looks} looks; {accounting.splitlines()[0]}; {self._seen()}"
        )
        if sign := self._sign_of_work():
            self._tell(
                f"cannot tell whether job {self.job} is over: the queue does not list it, but {sign}; waiting"
            )
            return None
        if not self.queue.shows_all():
            raise CannotTell(
                f"cannot tell whether job {self.job} is over: the site hides it from this user; {unseen}",
                remedy=f"ask {user_name(self.queue.user)}, whose job it is, to give the same command",
            )
        return self._row(GONE, unseen)

    def _own_word(self) -> str:
        """How the job itself noted that it ended; "" where it did not."""
        if self.run.failed_line(self.segment):
            return FAILED
        notes = self.run.end_notes(self.segment)
        statuses = [note.get("exit_status") for note in notes.values()]
        if len(notes) < self.tasks or None in statuses:
            return ""
        return FAILED if any(statuses) else COMPLETED

    def _sign_of_work(self) -> str:
        """What speaks for a job that is still at work; "" where nothing does."""
        if time.time() - self.run.heard_unix_s(self.segment) < QUIET_POLLS * self.queue.poll_s:
            return "its log grew within the last minutes"
        starts = self.run.open_starts(self.segment)
        limit_s = max((start["unix_s"] for start in starts), default=0.0) + self.wall_time_s + LIMIT_SLACK_S
        workspace = Workspace(self.run.folder.parent.parent)
        holder = holder_of(workspace)
        if holder == UNREADABLE:  # it may be of this run
            return f"{workspace.lock} cannot be read" if time.time() < limit_s else ""
        if holder is None or not holder.slurm_job or holder.host not in {start["host"] for start in starts}:
            return ""
        if holder.host == socket.gethostname():
            return f"{holder} is running" if is_running(holder.pid, holder.started) else ""
        return f"{holder} holds the workspace" if time.time() < limit_s else ""

    def _seen(self) -> str:
        heard_s = self.run.heard_unix_s(self.segment)
        if not heard_s:
            return "it noted no start and printed nothing"
        return f"it was last heard of {duration(max(time.time() - heard_s, 0.0))} ago, and noted no end"

    def _row(self, state: str, reason: str = "") -> JobRow:
        return JobRow(job_id=self.job, state=state, reason=reason)

    def _tell(self, text: str) -> None:
        """Say something, unless it was said last."""
        if text != self.told:
            self.say(text)
        self.told = text

    def _show_log(self) -> None:
        """Print what was added to the log, whole lines only."""
        log = self.run.log(self.segment)
        added = log.read_bytes()[self.shown_bytes :].rpartition(b"\n")[0] if log.exists() else b""
        for line in added.decode(errors="replace").split("\n") if added else ():
            tell(f"{self.job} | {line}")
        self.shown_bytes += len(added) + bool(added)


def _in_words(row: JobRow) -> str:
    held = f"; scontrol release {row.job_id} lets it go on" if "held" in row.reason.lower() else ""
    return (
        f"job {row.job_id} {row.state}"
        + (f" ({row.reason})" if row.reason not in ("", "None") else "")
        + held
    )
