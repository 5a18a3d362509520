"""One try of one stage: a private folder with its request, log, outcome, and products not yet published."""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness import __version__
from harness.clock import utc
from harness.engine.answers import claims_success, read_numbers, read_numerics
from harness.engine.find import environment, python_environment, resolve
from harness.engine.request import Request
from harness.errors import HarnessError, StageFailed, cannot_import
from harness.files import FULL, digest_paths, read_json, remove, size_path, write_json
from harness.process.signals import Interrupted
from harness.settings.variables import Settings
from harness.stages.circumstances import circumstances
from harness.text import shortened, tell
from harness.workspace.layout import LOG, OUTCOME, REQUEST, Workspace, staged
from harness.workspace.leftovers import RESERVE, prune_attempts
from harness.workspace.marker import EngineIdentity, Marker, Product
from harness.workspace.spec_copies import SpecCopies

RESERVE_BYTES = 8192  # a full disk has room for the outcome; freed when an attempt ends


@dataclass(kw_only=True)
class Attempt:
    """What a stage's `perform` works with.

    `folder` is on the workspace's file system, `started` is in Unix seconds, and `run_id` names the run.
    """

    stage: str
    fingerprint: str
    folder: Path
    workspace: Workspace
    settings: Settings
    canonical_fingerprint: str = ""  # as if the specs had neither comments nor blanks; "" where unknown
    run_id: str = ""
    started: float = field(default_factory=time.time)
    argv: list[tuple[str, ...]] = field(default_factory=list)
    numerics: list[Mapping[str, Any]] = field(default_factory=list)
    noted: dict[str, str] = field(default_factory=dict)  # in words, what the marker is to say besides

    @classmethod
    def begin(
        cls,
        stage: str,
        *,
        settings: Settings,
        fingerprint: str,
        canonical_fingerprint: str = "",
        run_id: str = "",
    ) -> "Attempt":
        """A new folder under `.attempts/<stage>/`, named by time and process."""
        workspace = Workspace(settings.workspace)
        name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%f}-{os.getpid()}"
        folder = workspace.attempts / stage / name
        folder.mkdir(parents=True)
        attempt = cls(
            stage=stage,
            fingerprint=fingerprint,
            canonical_fingerprint=canonical_fingerprint,
            folder=folder,
            workspace=workspace,
            settings=settings,
            run_id=run_id,
        )
        attempt._write_request(durable=True)
        (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        return attempt

    @property
    def log(self) -> Path:
        """Everything the stage and its engine printed."""
        return self.folder / LOG

    def staged(self, product: str) -> Path:
        """Where to write `product` (relative to the workspace) until it is published; its parent exists."""
        path = staged(self.folder, product)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def say(self, text: str) -> None:
        """Show one or more lines, and keep them in the log."""
        for line in text.splitlines():
            tell(f"{self.stage} | {line}")
        with self.log.open("a") as stream:
            stream.write(text + "\n")

    def earlier(self) -> list[Path]:
        """Folders of unfinished tries with the same fingerprint, newest first."""
        own = (self.fingerprint, self.canonical_fingerprint)
        others = sorted({*self.folder.parent.iterdir()} - {self.folder}, reverse=True)
        return [folder for folder in others if is_try_of(folder, *own)]

    def ask(self, request: Request, *, shown: bool = True) -> None:
        """Let the engine answer `request`; its output is kept, and shown unless it is of no use to a person.

        Raises:
            StageFailed: the exit status or the last word of its status.json is not success.
        """
        engine = resolve(self.settings)
        status = self._run(engine.argv(request), environment(self.settings), shown=shown)
        # Older TAO releases write no status file for some sub-commands.
        complaint = claims_success(request.results, needed=engine.dialect.always_writes_status)
        if status:
            complaint = f"ended with exit status {status}" + (f" and {complaint}" if complaint else "")
        if complaint:
            raise self.error(f"yolo_v4 {request.subcommand} {complaint}")
        if numbers := read_numbers(request.results):
            self.noted["numbers"] = numbers
        self.numerics += [each for each in read_numerics(request.results) if each not in self.numerics]

    def run(self, argv: tuple[str, ...], *, package: str) -> None:
        """Run one of our own packages as a program; its output is shown and kept.

        Raises:
            StageFailed: the exit status is not 0.
        """
        status = self._run(argv, python_environment(package))
        if status:
            raise self.error(f"{package} ended with exit status {status}")

    def _run(self, argv: tuple[str, ...], environment: Mapping[str, str], *, shown: bool = True) -> int:
        # With subprocess, socket and what is behind them, which only a run needs.
        from harness.process.console import run
        from harness.workspace.engines import note_engine

        self.argv.append(argv)
        self._write_request(durable=False)
        try:
            return run(
                argv,
                folder=self.folder,
                log=self.log,
                prefix=f"{self.stage} | ",
                environment=environment,
                shown=shown,
                started=lambda pid, birth: note_engine(
                    self.workspace, self.stage, pid=pid, started=birth, folder=self.folder
                ),
            )
        finally:
            remove(self.workspace.engine_lock(self.stage))

    def made(self, products: Sequence[str]) -> tuple[Product, ...]:
        """The products that were to be made; their contents are on disk from then on.

        Raises:
            StageFailed: one was not made, or has nothing in it.
        """
        paths = [self.staged(product) for product in products]
        for product, path in zip(products, paths, strict=True):
            if _is_empty(path):
                raise self.error(f"promised {product} and did not make it (looked at {path})")
        digests = digest_paths(paths, durable=True)
        return tuple(
            Product(path=path, digest=digest) for path, digest in zip(products, digests, strict=True)
        )

    def error(self, words: str) -> StageFailed:
        """An error that says where to read on and how to go on."""
        own, again = SpecCopies(self.workspace).edited(), self.settings.command(self.stage)
        yours = f" and look at the spec you edited, {', '.join(map(str, own))}" if own else ""
        remedy = f"read {self.log}{yours}, then go on with: {again}"
        return StageFailed(f"{self.stage}: {words}", remedy=remedy)

    def marker(
        self, products: tuple[Product, ...], consumed: Mapping[str, Any], engine: EngineIdentity | None
    ) -> Marker:
        """What to say when all products are published."""
        from harness.stages.made_with import made_with, own_code  # it asks git: only a run needs it

        now = time.time()
        return Marker(
            stage=self.stage,
            fingerprint=self.fingerprint,
            consumed=dict(consumed),
            products=products,
            engine=engine,
            argv=tuple(self.argv),
            started_utc=utc(self.started),
            finished_utc=utc(now),
            duration_s=round(now - self.started, 3),
            harness_version=__version__,
            git_commit=own_code().commit,
            numerics=tuple(self.numerics),
            made_with={**made_with(self.settings, asks=engine is not None), **self.noted},
        )

    def succeeded(self, products: Sequence[str] = (), *, taken_back: bool = False) -> None:
        """Note the end, and where the products are now; `taken_back` says that they were made before."""
        self._write_outcome({"status": "done", **({"taken_back": True} if taken_back else {})})
        places = [str(self.workspace.path(product)) for product in products]
        saved = f"; saved as {shortened(places)}" if places else ""
        self.say(f"done in {time.time() - self.started:.1f} s{saved}")
        prune_attempts(self.folder, succeeded=True)

    def failed(self, error: BaseException) -> None:
        """Note why the stage ended early; it may be read by another process."""
        again = self.settings.command(self.stage)
        with contextlib.suppress(OSError):  # the run hears of it, too
            self._write_outcome(early_end(error, stage=self.stage, again=again, log=self.log))
            prune_attempts(self.folder, succeeded=False)

    def _write_request(self, *, durable: bool) -> None:
        # By the fingerprint in it a later attempt finds the checkpoints of this one, also after a power cut.
        write_json(
            self.folder / REQUEST,
            {
                "stage": self.stage,
                "run_id": self.run_id,
                "fingerprint": self.fingerprint,
                "canonical_fingerprint": self.canonical_fingerprint,
                "argv": [list(argv) for argv in self.argv],
                "started_utc": utc(self.started),
                **circumstances(self.settings),
            },
            durable=durable,
        )

    def _write_outcome(self, outcome: dict[str, Any]) -> None:
        remove(self.folder / RESERVE)
        now = time.time()
        timing = {"finished_utc": utc(now), "duration_s": round(now - self.started, 3)}
        # After a power cut an attempt without one tells enough.
        write_json(self.folder / OUTCOME, {**outcome, **timing}, durable=False)


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """How an attempt ended; None where it never did, or says so in a way that cannot be understood."""
    texts = {"status": "", "message": "", "remedy": "", "finished_utc": ""}
    outcome = {**texts, "exit_status": 1, **read_json(folder / OUTCOME)}
    sound = all(isinstance(outcome[name], str) for name in texts) and isinstance(outcome["exit_status"], int)
    return outcome if sound and outcome["status"] else None


def is_try_of(folder: Path, fingerprint: str, canonical_fingerprint: str) -> bool:
    """Whether an attempt was begun with either fingerprint; earlier versions wrote the first alone."""
    request = read_json(folder / REQUEST)
    means_the_same = request.get("canonical_fingerprint") == canonical_fingerprint != ""
    return means_the_same or request.get("fingerprint") == fingerprint


def own_attempt(workspace: Workspace, stage: str, run_id: str) -> Path | None:
    """The folder of the attempt that the run of that number made at a stage; None where it made none."""
    with contextlib.suppress(OSError):
        for folder in (workspace.attempts / stage).iterdir():
            if read_json(folder / REQUEST).get("run_id") == run_id:
                return folder
    return None


def early_end(error: BaseException, *, stage: str, again: str, log: Path | None = None) -> dict[str, Any]:
    """What an outcome says of a stage that ended early: `status`, `message`, `remedy` and `exit_status`.

    Args:
        again: the command that goes on.
        log: of the attempt; None where there is no attempt's folder.
    """
    told = error if isinstance(error, HarnessError) else _in_words(error, stage, again, log)
    status, exit_status = "failed", told.exit_status
    if isinstance(error, Interrupted):
        status, exit_status = "interrupted", 128 + error.signal
    return {"status": status, "message": told.message, "remedy": told.remedy, "exit_status": exit_status}


def _in_words(error: BaseException, stage: str, again: str, log: Path | None) -> HarnessError:
    if isinstance(error, ImportError):
        return cannot_import(error)
    if isinstance(error, NotADirectoryError | FileExistsError | IsADirectoryError):
        return StageFailed(
            f"{stage}: {error.strerror or error}: {error.filename or 'the workspace'}",
            remedy=f"move away what is in its place, then {again}",
        )
    if isinstance(error, OSError):
        where, full = f" at {error.filename}" if error.filename else "", error.errno in FULL
        room = "make room (what lies in .kept of the workspace may go)" if full else "make room or access"
        return StageFailed(f"{stage}: {error.strerror or error}{where}", remedy=f"{room}, then {again}")
    if isinstance(error, Interrupted):
        return StageFailed(f"{stage}: {error}", remedy=f"go on with: {again}")
    place = f"report this error with {log}" if log else f"report this error, then {again}"
    return StageFailed(f"{stage}: {type(error).__name__}: {error}", remedy=place)


def _is_empty(path: Path) -> bool:
    size = size_path(path)
    # A folder of empty files is fine: labels of frames without objects.
    return size is None or size[0 if path.is_file() else 1] == 0
