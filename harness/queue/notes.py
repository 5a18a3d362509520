"""Runs that go through a queue: create-once notes of who submitted what, and what the jobs themselves say.

.jobs/current.json                 the run that is under way, at most one in a workspace
.jobs/<run>/script-<link>.sh       the batch script
           /intent-<link>.<n>.json somebody is about to submit; n counts submitters that died before they could
           /job-<link>.json        the job's number, from its submitter
           /claim-<link>.json      the job's number, from the job itself: only the first job of a link works
           /stay-<link>-<task>-<restart>.{start,end}.json
           /slurm-<link>.log       what the job printed
           /outcome.json           how the run ended
"""

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.engine.answers import read_status, whole_checkpoints
from harness.files import create_once, read_json, remove, write_json
from harness.queue.states import Cost, Stay, account
from harness.workspace.layout import Workspace, staged
from harness.workspace.lock import Holder


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run, over as many jobs as it takes; its folder's name is nobody else's."""

    folder: Path
    command: tuple[str, ...]  # the verb and its options

    def log(self, link: int, task: str = "") -> Path:
        return self.folder / f"slurm-{link}{'-' + task if task else ''}.log"

    def links(self) -> int:
        """How many links there are, counting one that is about to be submitted."""
        return max((int(path.name[7:].split(".")[0]) for path in self.folder.glob("intent-*")), default=0)

    def intend(self, link: int, number: int, me: Holder) -> bool:
        """Say, as the `number`th from 0, that this process is about to submit; False where somebody else was it."""
        return _once(self.folder / f"intent-{link}.{number}.json", asdict(me))

    def intents(self, link: int) -> list[tuple[Holder, float]]:
        """Who said so, in order, and how long ago in seconds."""
        paths = sorted(self.folder.glob(f"intent-{link}.*"), key=lambda path: int(path.name.split(".")[1]))
        return [(Holder(**read_json(path)), time.time() - changed_s(path)) for path in paths]

    def note_job(self, link: int, job_id: str) -> None:
        """Keep the number of a submitted job."""
        _once(self.folder / f"job-{link}.json", {"job_id": job_id, "noted_unix_s": time.time()})

    def claim(self, link: int, job_id: str) -> str:
        """Take the link for this job; the number of the job that has it."""
        _once(self.folder / f"claim-{link}.json", {"job_id": job_id})
        return str(read_json(self.folder / f"claim-{link}.json")["job_id"])

    def job(self, link: int) -> str | None:
        """The number of the link's job, from its submitter or from itself."""
        notes = [read_json(self.folder / f"{name}-{link}.json") for name in ("job", "claim")]
        return next((str(note["job_id"]) for note in notes if note), None)

    def note_stay(self, link: int, moment: str, *, task: str, restart: int, **words: Any) -> None:
        """Keep what a job says about itself at its `start` or `end`."""
        path = self.folder / f"stay-{link}-{task}-{restart}.{moment}.json"
        write_json(path, {"task": task, "restart": restart, "unix_s": time.time(), **words})

    def last_words(self, link: int) -> dict[str, dict[str, Any]]:
        """By task: what its newest stay said at its end; empty where it has not ended."""
        return {begun["task"]: ended for begun, ended in self._stays(link)}

    def stays(self, task: str | None = None) -> list[Stay]:
        """Every stay so far, or those of one task of an array, in order.

        One that was killed ends where the next one, or its log, last heard of it.
        """
        found = []
        for link in range(1, self.links() + 1):
            stays = self._stays(link)
            ready_s = float(read_json(self.folder / f"job-{link}.json").get("noted_unix_s", 0.0))
            for (begun, ended), (after, _) in zip(stays, [*stays, ({}, {})][1:], strict=True):
                after = after if after.get("task") == begun["task"] else {}
                began_s = begun["unix_s"]
                heard_s = after.get("heard_unix_s") or changed_s(self.log(link, begun["task"]))
                kept_s = ended.get("kept_unix_s") or after.get("kept_unix_s") or began_s
                end_s = max(ended.get("unix_s") or heard_s, began_s)
                if task in (None, begun["task"]):
                    found.append(Stay(ready_s or began_s, began_s, end_s, kept_s, ended.get("exit_status") == 0))
                ready_s = end_s
        return found

    def finish(self, outcome: dict[str, Any]) -> None:
        """Say how the run ended; the workspace is free for the next."""
        write_json(self.folder / "outcome.json", {"command": list(self.command), **outcome})
        remove(self.folder / "key")
        current = self.folder.parent / "current.json"
        if read_json(current).get("run") == self.folder.name:
            remove(current)

    def _stays(self, link: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        paths = self.folder.glob(f"stay-{link}-*.start.json")
        stays = [(read_json(path), read_json(path.with_name(path.name.replace(".start.", ".end.")))) for path in paths]
        return sorted(stays, key=lambda stay: (int(stay[0]["task"] or 0), stay[0]["restart"]))


def begin(workspace: Workspace, name: str, command: Sequence[str]) -> Run:
    """A new run.

    Raises:
        FileExistsError: one is under way.
    """
    create_once(workspace.jobs / "current.json", json.dumps({"run": name, "command": list(command)}).encode())
    (workspace.jobs / name).mkdir(exist_ok=True)
    return Run(folder=workspace.jobs / name, command=tuple(command))


def current(workspace: Workspace) -> Run | None:
    """The run that is under way."""
    found = read_json(workspace.jobs / "current.json")
    return Run(folder=workspace.jobs / found["run"], command=tuple(found["command"])) if found else None


def cost_so_far(workspace: Workspace, environ: Mapping[str, str]) -> Cost | None:
    """What the run that the job of `environ` works for has cost by now; None outside of one."""
    run, job = current(workspace), environ.get("SLURM_ARRAY_JOB_ID") or environ.get("SLURM_JOB_ID")
    if run is None or job is None or run.job(run.links()) != job:
        return None
    *earlier, this = run.stays(environ.get("SLURM_ARRAY_TASK_ID", ""))
    return account([*earlier, this._replace(ended_s=time.time(), finished=True)], None, 1)


def kept_unix_s(workspace: Workspace) -> float:
    """When the last thing was finished that will not be done again: a stage, or a checkpoint of training."""
    results = [staged(attempt, "experiment") for attempt in (workspace.attempts / "train").glob("*")]
    checkpoints = [path for result in results for _, path in whole_checkpoints(result)]
    return max(map(changed_s, [*workspace.marker("train").parent.glob("*.json"), *checkpoints]), default=0.0)


def images_per_s(workspace: Workspace) -> float | None:
    """The rate that training said last, in any try."""
    attempts = sorted((workspace.attempts / "train").glob("*"))
    lines = [line for each in attempts for where in (staged(each, "experiment"), each) for line in read_status(where)]
    return next((float(line["images_per_s"]) for line in reversed(lines) if "images_per_s" in line), None)


def _once(path: Path, table: dict[str, Any]) -> bool:
    with contextlib.suppress(FileExistsError):
        create_once(path, json.dumps(table).encode())
        return True
    return False


def changed_s(path: Path) -> float:
    """When a file was changed, 0 where there is none."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
