"""From a login node through the queue: submit once, wait, go on in the next job, and say how it ended."""

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from harness.clock import stamp
from harness.engine.model_key import model_key
from harness.errors import ConfigError, HarnessError, Locked
from harness.files import write_bytes, write_text
from harness.process.identity import is_running, start_time
from harness.queue import slurm
from harness.queue.notes import Run, begin, current, images_per_s
from harness.queue.script import Job, batch_script, options
from harness.queue.states import ADVICE, DONE, GONE, PASSING, JobRow, account, overall
from harness.settings.variables import Settings
from harness.text import last_lines
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder

LOOK_S = 1.0  # between two looks at files
ELSEWHERE_S = 300.0  # a submitter on another login node is taken for dead when it needs longer than this
FORGOTTEN_LOOKS = 3  # accounting lags behind by seconds
Say = Callable[[str], None]


def script_of(settings: Settings, words: Sequence[str], *, run: str = "NEW", link: int = 1, key_file: str = "") -> str:
    """The batch script that does what `words` say, as `plan` shows it and as it is submitted."""
    folder, key_file = Workspace(settings.workspace).jobs / run, os.environ.get("JAMCAM_KEY_FILE", key_file)
    job = Job(f"jamcam-{run}-{link}", link, folder, tuple(words), sys.executable, Path.cwd(), key_file)
    return batch_script(settings, job)


def unfinished(settings: Settings, words: Sequence[str]) -> Run | None:
    """The run of this very command that is under way, left by a submitter that was ended.

    Raises:
        Locked: the workspace has another run under way.
    """
    run = current(Workspace(settings.workspace))
    if run is not None and run.command != (*words, *options(settings)):
        job, command = run.job(run.links()), " ".join(run.command)
        raise Locked(
            f"{settings.workspace} has a run in the queue: {command} (job {job or 'not yet known'})",
            remedy=f"wait for it with: jamcam {command}" + (f", or end it: scancel {job}" if job else ""),
        )
    return run


def launch(settings: Settings, words: Sequence[str], say: Say) -> None:
    """Bring a command through the queue and wait for its end; called again after a kill, it finds its job and goes on.

    Raises:
        HarnessError: it did not end well, with Slurm's word for it; refused; another run is under way.
    """
    run = unfinished(settings, words)
    if run is None:
        name = f"{stamp(time.time())}-{secrets.token_hex(3)}"
        try:
            run = begin(Workspace(settings.workspace), name, (*words, *options(settings)))
        except FileExistsError:
            return launch(settings, words, say)
    queue, link = slurm.Queue(settings.platform.poll_s), max(run.links(), 1)
    while True:
        job = _submitted(settings, run, words, link, queue, say)
        ended = _waited(run, link, job, queue, say)
        if ended.state == DONE or not any(each.get("goes_on") == "next job" for each in run.last_words(link).values()):
            return _concluded(settings, run, words, link, ended, say)
        say(f"job {job} was stopped ahead of its time limit; the run goes on in another job")
        link += 1


def _submitted(settings: Settings, run: Run, words: Sequence[str], link: int, queue: slurm.Queue, say: Say) -> str:
    """The number of the link's job, submitted by whoever of several submitters was first, and once only."""
    me = Holder(host=socket.gethostname(), pid=os.getpid(), started=start_time(os.getpid()) or "")
    doubt_s = 0.0  # since when nobody is about to submit, and nobody knows whether the job was taken
    while True:
        job, found = run.job(link), run.intents(link)
        if job:
            return job
        if found and found[-1][0] != me and _alive(*found[-1]):
            time.sleep(LOOK_S)
            continue
        if found:
            doubt_s = doubt_s or time.time()
            answer = queue.look()
            numbers = [row.job_id for row in answer.rows if row.name == f"jamcam-{run.folder.name}-{link}"]
            if numbers:
                run.note_job(link, numbers[0])
                continue
            if answer.asked_unix_s < doubt_s or answer.fault:
                time.sleep(LOOK_S)
                continue
        # The number says that this decision was made knowing all who tried before.
        if not run.intend(link, len(found), me):
            continue
        doubt_s = 0.0
        try:
            job = slurm.submit(_script(settings, run, words, link))
        except slurm.InDoubt as error:
            say(f"{error.message}; looking whether the job is there")
            continue
        except ConfigError as error:
            run.finish({"state": "REFUSED", "message": error.message})
            raise
        run.note_job(link, job)
        say(f"submitted job {job} ({run.folder}/script-{link}.sh)")


def _alive(holder: Holder, age_s: float) -> bool:
    return is_running(holder.pid, holder.started) if holder.host == socket.gethostname() else age_s < ELSEWHERE_S


def _script(settings: Settings, run: Run, words: Sequence[str], link: int) -> Path:
    key, script = model_key(), run.folder / f"script-{link}.sh"
    if key and "JAMCAM_KEY_FILE" not in os.environ:
        write_bytes(run.folder / "key", key.encode(), mode=0o600)
    key_file = str(run.folder / "key") if key else ""
    write_text(script, script_of(settings, words, run=run.folder.name, link=link, key_file=key_file))
    return script


def _waited(run: Run, link: int, job: str, queue: slurm.Queue, say: Say) -> JobRow:
    """The last row of the job, when it has come to an end; its states and its log are shown meanwhile."""
    log, told, since, missing = run.log(link), "", time.time(), 0
    shown = max(0, log.stat().st_size - 4096) if log.exists() else 0
    say(f"waiting for job {job}; Ctrl-C leaves it in the queue, the same command waits again, scancel {job} ends it")
    while True:
        said = run.last_words(link)
        shown = _show_new(log, shown, job)
        if said.get("", {}).get("exit_status") == 0:
            return JobRow(job_id=job, state=DONE)  # the job's own word is enough, and it is half a minute sooner
        answer = queue.look(job if missing else "")
        rows, fresh = answer.of(job), answer.asked_unix_s >= since
        now = f"the scheduler does not answer ({answer.fault.splitlines()[0]}); waiting" if answer.fault else ""
        if rows and not now:
            row, missing = overall(rows), 0
            now = f"job {job} {row.state}" + (f" ({row.reason})" if row.reason not in ("", "None") else "")
            now += f"; scontrol release {job} lets it go on" if "held" in row.reason.lower() else ""
            if row.state not in PASSING and fresh:
                _show_new(log, shown, job)
                return row
        elif fresh and not now:
            # Neither queue nor accounting knows it: what the job itself said is all there will be.
            missing, since = missing + 1, answer.asked_unix_s + 1e-6
            if missing > FORGOTTEN_LOOKS:
                done = bool(said) and all(each.get("exit_status") == 0 for each in said.values())
                return JobRow(job_id=job, state=DONE if done else GONE)
        if now and now != told:
            say(now)
            told = now
        time.sleep(min(LOOK_S, queue.poll_s / 2))


def _show_new(log: Path, shown: int, job: str) -> int:
    """Print what was added to the log, whole lines only; how far it is shown now."""
    whole = log.read_bytes()[shown:].rpartition(b"\n")[0] if log.exists() else b""
    for line in whole.decode(errors="replace").split("\n") if whole else ():
        print(f"{job} | {line}", flush=True)
    return shown + len(whole) + bool(whole)


def _concluded(settings: Settings, run: Run, words: Sequence[str], link: int, ended: JobRow, say: Say) -> None:
    said, logs = run.last_words(link), [run.log(link), *run.folder.glob(f"slurm-{link}-*.log")]
    cost = account(run.stays(), images_per_s(Workspace(settings.workspace)), settings.frames_per_step)
    run.finish({"state": ended.state, "job_id": ended.job_id, "links": link, **asdict(cost)})
    say(f"{cost.queue_s:.0f} s in the queue, {cost.allocated_s:.0f} s on nodes, {cost.lost_s:.0f} s of them lost")
    if ended.state == DONE:
        return
    log = next((path for path in logs if path.exists()), None)
    lines = (last_lines(log) if log else []) or ["(it printed nothing)"]
    error = HarnessError(
        f"job {ended.job_id} ended as {ended.state}: {ADVICE.get(ended.state, 'see its log')}; last lines of "
        f"{log or logs[0]}:" + "".join(f"\n  {line}" for line in lines),
        remedy=settings.command(*words),
    )
    statuses = [each.get("exit_status") for each in said.values()]
    error.exit_status = next((int(status) for status in statuses if status in (1, 2, 3, 4)), 1)
    raise error
