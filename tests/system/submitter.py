"""`jamcam` as somebody on a cluster's login node starts it."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import luigi

from tests.system.cluster import Cluster
from tests.waiting import until

CHECKOUT = Path(__file__).resolve().parents[2]
FAKES = CHECKOUT / "tests" / "fakes" / "bin"
PLATFORM = {
    "title": "a rehearsal",
    "scheduler": "slurm",
    "wall_time": "0:10:00",
    "compute_network": "yes",
    "poll_s": 0.3,
    "prepare": [],
}


@dataclass
class Run:
    """One submitter at a time, in a workspace of its own."""

    cluster: Cluster
    workspace: Path
    platform: dict[str, Any] = field(default_factory=lambda: dict(PLATFORM))
    verb: tuple[str, ...] = ("train",)  # the quickest that an engine is asked for
    path: str = f"{FAKES}{os.pathsep}{os.environ['PATH']}"
    environment: dict[str, str] = field(default_factory=dict)  # of the submitter, besides the cluster's
    user: str = ""  # who submits; "" for whoever runs the tests
    shared: bool = False  # whether other users may write what is written
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def declared(self) -> Path:
        """The platform's file."""
        return self.workspace.parent / "rehearsal.toml"

    @property
    def printed(self) -> str:
        """What all submitters of this workspace printed so far."""
        return (self.workspace.parent / "printed").read_text()

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """How the runs of this workspace ended, oldest first."""
        return [json.loads(path.read_text()) for path in sorted(self.workspace.glob(".jobs/*/outcome.json"))]

    def start(self, *words: str, misbehave: str = "", always: bool = False, **platform: Any) -> "Run":
        """Begin, and do not wait; the fake engine misbehaves the first time the job runs, or always."""
        fake = f"export FAKE_YOLO_V4='{misbehave}'"
        first = [fake if always else f'[ -n "$SLURM_RESTART_COUNT" ] || {fake}']
        self.platform |= platform | {"prepare": [*first, *platform.get("prepare", ())]}
        self.declared.write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.platform.items())
        )
        options = [
            "--recipe=smoke",
            "--engine=here",
            f"--workspace={self.workspace}",
            f"--platform={self.declared}",
            *words,
        ]
        with (self.workspace.parent / "printed").open("ab") as printed:
            self.process = subprocess.Popen(
                [*(python_of(self.user) or [sys.executable]), "-m", "harness", *self.verb, *options],
                cwd=CHECKOUT,
                env={**self.cluster.environment, "PATH": self.path, **self.environment},
                stdout=printed,
                stderr=subprocess.STDOUT,
                user=self.user or None,
                extra_groups=[] if self.user else None,
                umask=0 if self.shared else -1,
            )
        return self

    def end(self, seconds: float = 300) -> int:
        """Wait for the submitter; its exit status."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"still waiting after {seconds} s:\n{self.printed[-3000:]}") from None

    def kill(self) -> None:
        """SIGKILL the submitter."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def sees(self, text: str, seconds: float = 200) -> None:
        """Wait until a submitter has printed something."""
        try:
            until(lambda: text in self.printed, seconds)
        except TimeoutError:
            raise AssertionError(f"no '{text}' within {seconds} s in:\n{self.printed[-3000:]}") from None

    def jobs(self) -> list[tuple[str, str]]:
        """(number, state) of every job this workspace has submitted, as the cluster tells it in the end."""
        # A job's own word comes a moment before Slurm's.
        until(lambda: "COMPLETING" not in {state for _, _, state in self.cluster.jobs()}, 60)
        runs = {path.name for path in self.workspace.glob(".jobs/*")}
        found = [(number, name.removeprefix("jamcam-"), state) for number, name, state in self.cluster.jobs()]
        return [(number, state) for number, name, state in found if name.rpartition("-")[0] in runs]

    def job(self) -> str:
        """The number of the newest job."""
        return max((number for number, _ in self.jobs()), key=int)

    def done(self) -> set[str]:
        """Stages that are done."""
        return {path.stem for path in (self.workspace / ".markers").glob("*.json")}


def python_of(user: str) -> list[str] | None:
    """How that user runs this Python, or the system's with the same packages; None where neither can."""
    packages = f"{Path(luigi.__file__).parents[1]}:{CHECKOUT}"
    ways = [[sys.executable], ["env", f"PYTHONPATH={packages}", "/usr/bin/python3"]]
    if not user:
        return ways[0]
    return next((way for way in ways if _can_run(user, way)), None)


def _can_run(user: str, python: list[str]) -> bool:
    with contextlib.suppress(OSError):
        line = [*python, "-c", "import luigi, harness.cli"]
        done = subprocess.run(
            line, user=user, extra_groups=[], cwd=CHECKOUT, stderr=subprocess.DEVNULL, check=False
        )
        return done.returncode == 0
    return False


def prepare_data(workspace: Path) -> Path:
    """Do all that comes before training, here and without a queue."""
    words = ["--recipe=smoke", "--engine=here", f"--workspace={workspace}"]
    subprocess.run(
        [sys.executable, "-m", "harness", "--tune-bdb", "--convert-data", *words],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{FAKES}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return workspace
