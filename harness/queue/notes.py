"""Files of a run that goes through a queue: who submitted which job, and what the jobs say of themselves.

A run is one command; it takes as many jobs as it needs, one after another: its segments, counted from 1.

.jobs/current.json                    the run that is under way, at most one in a workspace
.jobs/<run>/script-<segment>.sh       the batch script
           /intent-<segment>.<n>.json a process is about to submit; n counts those that died before they could
           /job-<segment>.json        the job's number, from the process that submitted it
           /claim-<segment>.json      the job's number, from the job itself: only the first job of a segment
           works /stay-<segment>-<task>-<restart>.{start,end}.json
                                      the start and end of one allocation of the job
           /unprepared-<segment>.txt  the line of the script that failed before the command could be run
           /slurm-<segment>.log       what the job printed
           /outcome.json              how the run ended
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import CannotTell
from harness.files import OTHERS_READ, create_once, read_json, remove, write_json
from harness.queue.kept_work import changed_s, kept_unix_s
from harness.queue.states import Allocation, Cost, total_cost
from harness.workspace.layout import NO_NAMES, Workspace
from harness.workspace.lock import UNREADABLE, Holder, parsed

Note = dict[str, Any]
MACHINERY = ("machines", "cores", "gpus")  # what an allocation notes that it has of the cluster
INTENT = re.compile(r"intent-(\d{1,9})\.(\d{1,9})\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedRun:
    """One run, over as many jobs as it takes; the name of its folder is unique."""

    folder: Path
    command: tuple[str, ...]  # the verb and its options

    def log(self, segment: int, task: str = "") -> Path:
        """What the job of a segment printed, or one task of an array."""
        return self.folder / f"slurm-{segment}{'-' + task if task else ''}.log"

    def segments(self) -> int:
        """How many segments there are, counting one that is about to be submitted."""
        intents = (INTENT.fullmatch(path.name) for path in self.folder.glob("intent-*"))
        return max((int(intent[1]) for intent in intents if intent), default=0)

    def intend(self, segment: int, number: int, me: Holder) -> bool:
        """Note, as the `number`th from 0, that this process is about to submit; False if it is not first."""
        return _create(self.folder / f"intent-{segment}.{number}.json", asdict(me))

    def intents(self, segment: int) -> list[tuple[Holder, float]]:
        """The processes that noted it, in order, and how long ago in seconds."""
        return [
            (_holder_in(path), max(time.time() - changed_s(path), 0.0))
            for path in self._intent_notes(segment)
        ]

    def _intent_notes(self, segment: int) -> list[Path]:
        numbers = {path: INTENT.fullmatch(path.name) for path in self.folder.glob(f"intent-{segment}.*")}
        return sorted(
            (path for path, it in numbers.items() if it), key=lambda path: int(path.name.split(".")[1])
        )

    def note_job(self, segment: int, job_id: str) -> None:
        """Keep the number of a submitted job."""
        _create(self.folder / f"job-{segment}.json", {"job_id": job_id, "noted_unix_s": time.time()})

    def claim(self, segment: int, job_id: str) -> str:
        """Take the segment for this job; the number of the job that has it."""
        _create(self.folder / f"claim-{segment}.json", {"job_id": job_id})
        return str(_read(self.folder / f"claim-{segment}.json", job_id=str).get("job_id"))

    def job(self, segment: int) -> str | None:
        """The number of the segment's job, from its submitter or from itself."""
        notes = [_read(self.folder / f"{name}-{segment}.json", job_id=str) for name in ("job", "claim")]
        return next((str(note["job_id"]) for note in notes if note), None)

    def preparation_note(self, segment: int) -> Path:
        """Where the job's script notes the line that failed before the command could be run."""
        return self.folder / f"unprepared-{segment}.txt"

    def failed_line(self, segment: int) -> str:
        """The line of the job's script that failed, with its exit status; "" where none did."""
        note = self.preparation_note(segment)
        return note.read_text(errors="replace").strip() if note.exists() else ""

    def note_allocation(self, segment: int, moment: str, *, task: str, restart: int, **facts: Any) -> None:
        """Keep what a job says of itself at its `start` or `end`."""
        path = self.folder / f"stay-{segment}-{task}-{restart}.{moment}.json"
        write_json(path, {"task": task, "restart": restart, "unix_s": time.time(), **facts})

    def submitter_uid(self, segment: int) -> int:
        """The user whose job a segment is, or will be: whoever wrote its notes."""
        notes = [self.folder / f"{name}-{segment}.json" for name in ("job", "claim")]
        notes += reversed(self._intent_notes(segment))
        return next((path.stat().st_uid for path in notes if path.exists()), os.getuid())

    def open_starts(self, segment: int) -> list[Note]:
        """What the job noted at starts of which it noted no end."""
        return [start for start, end in self._allocation_notes(segment) if not end]

    def heard_unix_s(self, segment: int) -> float:
        """When the job last printed something or noted a start; 0 where it has done neither."""
        logs = [changed_s(path) for path in (self.log(segment), *self.folder.glob(f"slurm-{segment}-*.log"))]
        starts = [float(start["unix_s"]) for start, _ in self._allocation_notes(segment)]
        return max([*logs, *starts])

    def end_notes(self, segment: int) -> dict[str, Note]:
        """By task: what its newest allocation noted at its end; empty where it has not ended."""
        return {start["task"]: end for start, end in self._allocation_notes(segment)}

    def allocations(self, task: str | None = None, *, are_over: bool = False) -> list[Allocation]:
        """Every allocation so far, or those of one task of an array, in order.

        Args:
            are_over: without those that noted no end while the run goes on, which may be at work.
        """
        allocations = []
        goes_on = not (self.folder / "outcome.json").exists()
        for segment in range(1, self.segments() + 1):
            notes = self._allocation_notes(segment)
            job = _read(self.folder / f"job-{segment}.json", job_id=str, noted_unix_s=float)
            eligible_s = float(job.get("noted_unix_s", 0.0))
            next_starts: list[Note] = [*(start for start, _ in notes[1:]), {}]
            for (start, end), next_start in zip(notes, next_starts, strict=False):
                one = self._allocation(segment, start, end, next_start, eligible_s)
                is_last = next_start.get("task") != start["task"]
                may_work = goes_on and is_last and not end and segment == self.segments()
                if task in (None, start["task"]) and not (are_over and may_work):
                    allocations.append(one)
                eligible_s = one.ended_s
        return allocations

    def _allocation(
        self, segment: int, start: Note, end: Note, next_start: Note, eligible_s: float
    ) -> Allocation:
        """One that was killed ends when the next one of its task, or its log, last heard of it."""
        after = next_start if next_start.get("task") == start["task"] else {}
        started_s = start["unix_s"]
        heard_s = after.get("heard_unix_s") or changed_s(self.log(segment, start["task"]))
        ended_s = max(end.get("unix_s") or heard_s, started_s)
        kept_s = end.get("kept_unix_s", after.get("kept_unix_s"))
        if kept_s is None:  # killed, and nothing of its task came after it
            kept_s = kept_unix_s(Workspace(self.folder.parent.parent), until_s=ended_s)
        return Allocation(
            eligible_s=eligible_s or started_s,
            started_s=started_s,
            ended_s=ended_s,
            kept_s=max(kept_s, started_s),
            finished=end.get("exit_status") == 0,
            **{name: start[name] for name in MACHINERY if type(start.get(name)) is int},
        )

    def _allocation_notes(self, segment: int) -> list[tuple[Note, Note]]:
        """(start, end) of every allocation of a segment's job, in order."""
        paths = self.folder.glob(f"stay-{segment}-*.start.json")
        notes = [
            (
                _read(path, task=str, restart=int, unix_s=float),
                _read(path.with_name(path.name.replace(".start.", ".end.")), unix_s=float),
            )
            for path in paths
        ]
        return sorted(notes, key=lambda note: (int(note[0]["task"] or 0), note[0]["restart"]))

    def finish(self, outcome: dict[str, Any]) -> None:
        """Note how the run ended; the workspace is free for the next."""
        write_json(self.folder / "outcome.json", {"command": list(self.command), **outcome})
        remove(self.folder / "key")
        current_file = self.folder.parent / "current.json"
        if read_json(current_file).get("run") == self.folder.name:
            remove(current_file)


def start_run(workspace: Workspace, name: str, command: Sequence[str]) -> QueuedRun:
    """A new run.

    Raises:
        FileExistsError: one is under way.
    """
    note = json.dumps({"run": name, "command": list(command)}).encode()
    create_once(workspace.jobs / "current.json", note, mode=OTHERS_READ)
    (workspace.jobs / name).mkdir(exist_ok=True)
    return QueuedRun(folder=workspace.jobs / name, command=tuple(command))


def current(workspace: Workspace) -> QueuedRun | None:
    """The run that is under way.

    Raises:
        CannotTell: something is noted, and nobody can read it.
    """
    path = workspace.jobs / "current.json"
    if not path.exists():
        return None
    note = read_json(path)
    name = str(note.get("run", ""))
    if name not in NO_NAMES and name == Path(name).name and isinstance(note.get("command"), list):
        return QueuedRun(folder=workspace.jobs / name, command=tuple(map(str, note["command"])))
    if not path.exists():  # it ended meanwhile
        return None
    raise CannotTell(
        f"cannot tell whether a run is under way: {path} cannot be read, or holds no run",
        remedy=f"ask its owner; where no job is in the queue: rm {path}",
    )


def cost_so_far(workspace: Workspace, environ: Mapping[str, str]) -> Cost | None:
    """What the run that the job of `environ` works for has cost by now; None outside of one."""
    job = environ.get("SLURM_ARRAY_JOB_ID") or environ.get("SLURM_JOB_ID")
    run = current(workspace) if job else None
    if run is None or run.job(run.segments()) != job:
        return None
    *earlier, this = run.allocations(environ.get("SLURM_ARRAY_TASK_ID", ""))
    return total_cost([*earlier, this._replace(ended_s=time.time(), finished=True)], None, 1)


def machinery(environ: Mapping[str, str]) -> dict[str, int]:
    """What a job has of the cluster, over all its machines, as far as Slurm tells it.

    Source: sbatch(1), OUTPUT ENVIRONMENT VARIABLES; counts on a node are those of the first one.
    """
    machines = environ.get("SLURM_JOB_NUM_NODES", "")
    if not machines.isdecimal():
        return {}
    on_node = {name: environ.get(f"SLURM_{name.upper()}_ON_NODE", "") for name in ("cpus", "gpus")}
    counts = {name: int(machines) * int(text) for name, text in on_node.items() if text.isdecimal()}
    return {
        "machines": int(machines),
        **{"cores" if name == "cpus" else name: counts[name] for name in counts},
    }


def _read(path: Path, **kinds: type) -> Note:
    """The note at a path; empty where there is none.

    Args:
        kinds: of what it must hold, by name; a whole number is a float, too.

    Raises:
        CannotTell: something is there that nobody can read: it is not taken for nothing.
    """
    note = read_json(path)
    is_there = bool(note) or os.path.lexists(path)
    texts = {
        name: isinstance(note.get(name), (kind, int) if kind is float else kind)
        for name, kind in kinds.items()
    }
    if is_there and not all(texts.values()):
        raise CannotTell(
            f"cannot tell what was noted of a job: {path} cannot be read, or holds no note",
            remedy=f"ask its owner; where no job of it is in the queue: rm -r {path.parent}",
        )
    return note


def _holder_in(path: Path) -> Holder:
    try:
        return parsed(path.read_bytes())
    except OSError:  # somebody else's, for whose eyes only
        return UNREADABLE


def _create(path: Path, note: Note) -> bool:
    """Write a note that only one process may write; False where another one was first."""
    with contextlib.suppress(FileExistsError):
        create_once(path, json.dumps(note).encode(), mode=OTHERS_READ)
        return True
    return False
