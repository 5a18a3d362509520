"""The lock of a workspace: who works here, and which engines work for them."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.files import create_once, remove
from harness.workspace.layout import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A run that holds a workspace."""

    host: str
    pid: int
    started: str  # the process's start time, which tells it from a later one of the same number
    slurm_job: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" + (f" (Slurm job {self.slurm_job})" if self.slurm_job else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineProcess:
    """An engine that a run started."""

    pid: int
    started: str


def take(workspace: Workspace, holder: Holder) -> None:
    """Write the lock.

    Raises:
        FileExistsError: somebody holds the workspace.
    """
    create_once(workspace.lock, json.dumps(asdict(holder), sort_keys=True).encode())


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


def take_away(workspace: Workspace, stale: Holder) -> bool:
    """Remove the lock of `stale` and of nobody else; whether it was ours to remove."""
    aside = workspace.lock.with_name(f"{workspace.lock.name}.stale.{os.getpid()}")
    try:
        workspace.lock.rename(aside)  # of several takers only one gets the file
    except FileNotFoundError:
        return False
    if aside.read_text() != json.dumps(asdict(stale), sort_keys=True):
        # Somebody took it over between our look and our rename: put it back.
        os.link(aside, workspace.lock)
        remove(aside)
        return False
    remove(aside)
    return True


def release(workspace: Workspace) -> None:
    """Give the workspace back."""
    remove(workspace.lock)


def engines_of(workspace: Workspace) -> list[tuple[Path, EngineProcess]]:
    """Engines that were at work when their run ended, with the files that name them."""
    found = []
    for path in sorted(workspace.root.glob(".lock.*")):
        try:
            found.append((path, EngineProcess(**json.loads(path.read_text()))))
        except (ValueError, TypeError, OSError):
            continue
    return found
