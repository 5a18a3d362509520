"""From a login node through the queue: submit once, wait, continue in the next job, and say how it ended."""

import os
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.clock import stamp
from harness.engine.model_key import model_key
from harness.errors import CannotTell, ConfigError, HarnessError, Locked
from harness.files import write_bytes, write_text
from harness.own_files import IS_INSTALLED
from harness.process.identity import user_name
from harness.queue import slurm
from harness.queue.kept_work import images_per_s
from harness.queue.notes import QueuedRun, current, start_run
from harness.queue.script import Job, batch_script, options
from harness.queue.states import ADVICE, COMPLETED, GONE, JobRow, total_cost
from harness.queue.wait import LOOK_S, Say, Waiting
from harness.settings.platform import wall_time_s
from harness.settings.variables import Settings
from harness.text import last_lines
from harness.verdict import Verdict
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, is_alive, this_run

OWN_STATUSES = (1, 2, 3, 4, 5)  # exit statuses of jamcam that are passed on; others are a signal's
ELSEWHERE_S = 300.0  # a submitter that cannot be seen is taken for dead when it needs longer than this


def script_of(
    settings: Settings, words: Sequence[str], *, run: str = "NEW", segment: int = 1, key_file: str = ""
) -> str:
    """The batch script of `jamcam WORDS`, as `plan` shows it and as it is submitted."""
    folder, key_file = Workspace(settings.workspace).jobs / run, os.environ.get("JAMCAM_KEY_FILE", key_file)
    job = Job(
        name=f"jamcam-{run}-{segment}",
        segment=segment,
        folder=folder,
        words=tuple(words),
        python=sys.executable,
        directory=Path.cwd(),
        key_file=key_file,
        is_installed=IS_INSTALLED,
    )
    return batch_script(settings, job)


def unfinished(settings: Settings, words: Sequence[str]) -> QueuedRun | None:
    """The run of this very command that is under way, left by a submitter that was ended.

    Raises:
        Locked: the workspace has another run under way.
    """
    run = current(Workspace(settings.workspace))
    if run is not None and run.command != (*words, *options(settings)):
        job, command = run.job(run.segments()), " ".join(run.command)
        raise Locked(
            f"{settings.workspace} has a run in the queue: {command} (job {job or 'not yet known'})",
            remedy=f"wait for it with: jamcam {command}" + (f", or end it: scancel {job}" if job else ""),
        )
    return run


def launch(settings: Settings, words: Sequence[str], say: Say) -> None:
    """Bring a command through the queue and wait for its end; called again after a kill, it waits on.

    Raises:
        HarnessError: it did not end well, with its last state in Slurm; refused; another run is under way.
    """
    run = unfinished(settings, words)
    if run is None:
        name = f"{stamp(time.time())}-{secrets.token_hex(3)}"
        try:
            run = start_run(Workspace(settings.workspace), name, (*words, *options(settings)))
        except FileExistsError:
            return launch(settings, words, say)
    number = max(run.segments(), 1)
    while True:
        segment = Segment(settings, tuple(words), run, number, say)
        job = segment.submit()
        last = segment.wait(job)
        if last.state == COMPLETED or not segment.needs_another_job():
            return segment.conclude(last)
        say(f"job {job} was stopped ahead of its time limit; the run goes on in another job")
        number += 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One job of a run: submitted, waited for, and where it is the last one, concluded."""

    settings: Settings
    words: tuple[str, ...]
    run: QueuedRun
    number: int
    say: Say

    def submit(self) -> str:
        """The number of the segment's job, submitted once, by whichever of several submitters was first."""
        run, number = self.run, self.number
        me = this_run()
        doubt_s = 0.0  # since when no process is about to submit, and nobody knows whether the job was taken
        while (job := run.job(number)) is None:
            intents = run.intents(number)
            if intents and not intents[-1][0].is_process_of(me) and self._is_alive(*intents[-1]):
                time.sleep(LOOK_S)
                continue
            if intents:
                if not doubt_s:
                    doubt_s, queue = time.time(), self._queue()
                in_queue, answered = self._look_for_job(queue, doubt_s)
                if in_queue:
                    run.note_job(number, in_queue)
                    continue
                if not answered:
                    time.sleep(LOOK_S)
                    continue
            # The count says that this decision was made knowing all earlier submitters.
            if run.intend(number, len(intents), me):
                doubt_s = 0.0
                self._submit_now()
        return job

    def _is_alive(self, holder: Holder, age_s: float) -> bool:
        """Whether the last process that noted that it is about to submit may still do so."""
        alive = is_alive(holder, lambda job: False)  # it submits on a login node, in no job
        # Login nodes may hide other users' processes.
        doubted = alive is Verdict.CANNOT_TELL or self.run.submitter_uid(self.number) != os.getuid()
        return alive is Verdict.YES or (doubted and age_s < ELSEWHERE_S)

    def _queue(self) -> slurm.Queue:
        """The jobs of whoever submitted the segment's, or of this user."""
        return slurm.Queue(self.settings.platform.poll_s, self.run.submitter_uid(self.number))

    def _look_for_job(self, queue: slurm.Queue, since_s: float) -> tuple[str, bool]:
        """The number of the job of this name in the queue; whether the scheduler answered after `since_s`.

        Raises:
            CannotTell: it would be another user's, and the site hides those.
        """
        answer = queue.look()
        name = f"jamcam-{self.run.folder.name}-{self.number}"
        job = next((row.job_id for row in answer.rows if row.name == name), "")
        if not job and not queue.shows_all():
            raise CannotTell(
                f"cannot tell whether {user_name(queue.user)} has submitted this run: "
                "the site hides other users' jobs",
                remedy=f"ask {user_name(queue.user)} to give the same command",
            )
        answered = answer.asked_unix_s >= since_s and not answer.error
        return job, answered and not any(name in line for line in answer.odd)

    def _submit_now(self) -> None:
        try:
            job = slurm.submit(self._write_script())
        except slurm.InDoubt as error:
            self.say(f"{error.message}; looking whether the job is there")
        except ConfigError as error:
            self.run.finish({"state": "REFUSED", "message": error.message})
            raise
        else:
            self.run.note_job(self.number, job)
            self.say(f"submitted job {job} ({self._script})")

    @property
    def _script(self) -> Path:
        return self.run.folder / f"script-{self.number}.sh"

    def _write_script(self) -> Path:
        key, name = model_key(), self.run.folder.name
        if key and "JAMCAM_KEY_FILE" not in os.environ:
            write_bytes(self.run.folder / "key", key.encode(), mode=0o600)
        key_file = str(self.run.folder / "key") if key else ""
        text = script_of(self.settings, self.words, run=name, segment=self.number, key_file=key_file)
        write_text(self._script, text)
        return self._script

    def wait(self, job: str) -> JobRow:
        """The last row of the job, when it is over."""
        limit_s, tasks = wall_time_s(self.settings.wall_time), max(self.settings.array, 1)
        return Waiting(self.run, self.number, job, self._queue(), limit_s, tasks, self.say).until_over()

    def needs_another_job(self) -> bool:
        """Whether the job was stopped ahead of its limit and could not be put back into the queue."""
        return any(note.get("goes_on") == "next job" for note in self.run.end_notes(self.number).values())

    def conclude(self, last: JobRow) -> None:
        """Note how the run ended, and say it.

        Raises:
            HarnessError: the job did not complete.
        """
        cost = total_cost(
            self.run.allocations(),
            images_per_s(Workspace(self.settings.workspace)),
            self.settings.frames_per_step,
        )
        self.run.finish({"state": last.state, "job_id": last.job_id, "links": self.number, **asdict(cost)})
        self.say(
            f"{cost.queue_s:.0f} s in the queue, {cost.allocated_s:.0f} s on nodes, "
            f"{cost.lost_s:.0f} s of them lost"
        )
        if last.state != COMPLETED:
            raise self._failure(last)

    def _failure(self, last: JobRow) -> HarnessError:
        logs = [self.run.log(self.number), *self.run.folder.glob(f"slurm-{self.number}-*.log")]
        log = next((path for path in logs if path.exists()), None)
        lines = (last_lines(log) if log else []) or ["(it printed nothing)"]
        what, remedy = ADVICE.get(last.state, "see its log"), self.settings.command(*self.words)
        if last.state == GONE:
            what += f" ({last.reason})"
        if line := self.run.failed_line(self.number):
            what = f"nothing was run, since a line of its script failed: {line}"
            remedy = (
                f"correct prepare in the file of the platform {self.settings.platform.name}, then: {remedy}"
            )
        error = HarnessError(
            f"job {last.job_id} ended as {last.state}: {what}; last lines of {log or logs[0]}:"
            + "".join(f"\n  {line}" for line in lines),
            remedy=remedy,
        )
        statuses = [note.get("exit_status") for note in self.run.end_notes(self.number).values()]
        error.exit_status = next((int(status) for status in statuses if status in OWN_STATUSES), 1)
        return error
