"""The engines that work for the run of a workspace: each is named by a file `.lock.<stage>`.

These files are data: they may come from another machine, another start of this one, or another pid namespace,
where their process numbers mean nothing. A process is ended only where everything fits.
"""

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.files import remove, write_json
from harness.process.identity import boot_id, end, is_running, pid_namespace, works_in
from harness.verdict import Verdict
from harness.workspace.layout import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineProcess:
    """An engine that a run started; what the file of an earlier version does not say is ""."""

    pid: int
    started: str
    host: str = ""
    boot_id: str = ""
    pid_namespace: str = ""
    folder: str = ""  # of the attempt it works for: its working folder, and part of its command line

    def is_alive_and_ours(self, workspace: Workspace) -> Verdict:
        """Whether the process is running, and is the engine that was started for this workspace then."""
        host, here = socket.gethostname(), (boot_id(), pid_namespace())
        if self.host in ("", host) and self.boot_id not in ("", here[0]):
            return Verdict.NO
        if self.host == host and (self.boot_id, self.pid_namespace) == here:
            if not is_running(self.pid, self.started):
                return Verdict.NO
            folder = Path(self.folder)
            own = ".." not in folder.parts and workspace.attempts in folder.parents
            return Verdict.YES if own and works_in(self.pid, folder) else Verdict.CANNOT_TELL
        unseen = not self.host and not is_running(self.pid, self.started)  # of an earlier version
        return Verdict.NO if unseen else Verdict.CANNOT_TELL


def note_engine(workspace: Workspace, stage: str, *, pid: int, started: str, folder: Path) -> None:
    """Say which process works for a stage, so that the next run can end it should it outlive this one."""
    engine = EngineProcess(
        pid=pid,
        started=started,
        host=socket.gethostname(),
        boot_id=boot_id(),
        pid_namespace=pid_namespace(),
        folder=str(folder),
    )
    write_json(workspace.engine_lock(stage), asdict(engine), durable=False)


def end_survivors(workspace: Workspace, say: Callable[[str], None]) -> None:
    """End the engines that outlived their run, and say of others that nobody can tell whose they are."""
    for path, engine in engines_of(workspace):
        alive = engine.is_alive_and_ours(workspace)
        if alive is Verdict.CANNOT_TELL:
            say(f"{path.name} names process {engine.pid}; whether that is an engine of ours cannot be told")
            continue
        if alive is Verdict.YES:
            say(f"ending the engine {engine.pid}, which outlived its run")
            end(engine.pid, engine.started)
        remove(path)


def engines_of(workspace: Workspace) -> list[tuple[Path, EngineProcess]]:
    """Engines that were at work when their run ended, with the files that name them."""
    engines = []
    for path in sorted(workspace.root.glob(".lock.*")):
        try:
            engine = EngineProcess(**json.loads(path.read_text()))
        except (ValueError, TypeError, OSError, RecursionError):
            continue
        values = asdict(engine).items()
        if all(isinstance(value, int if name == "pid" else str) for name, value in values):
            engines.append((path, engine))
    return engines
