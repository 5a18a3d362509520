"""`jamcam reproduce` as people start it, of a workspace where the stand-in for the engine did all stages."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
FAKES = CHECKOUT / "tests" / "fakes" / "bin"


@dataclass
class Reproduction:
    """Reproduces `source` in the workspace `own`; the fake `yolo_v4` answers."""

    source: Path
    own: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *options: str, **environment: str) -> "subprocess.Popen[str]":
        names = {**os.environ, **self.environment}
        names.pop(
            "OMP_NUM_THREADS", None
        )  # the tests are run with it; a user who sets it wants other threads
        names |= environment
        names["PATH"] = f"{names.pop('ENGINES', FAKES)}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "harness",
                "reproduce",
                str(self.source),
                f"--workspace={self.own}",
                *options,
            ],
            cwd=CHECKOUT,
            env=names,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __call__(self, *options: str, status: int = 0, **environment: str) -> str:
        """Run to the end, demand the exit status, and return what was printed."""
        process = self.start(*options, **environment)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == status, printed
        return printed

    def receipt(self, name: str = "receipt.json") -> dict[str, Any]:
        table: dict[str, Any] = json.loads((self.own / name).read_text())
        return table

    def levels(self) -> dict[str, str]:
        return {row["name"]: row["level"] for row in self.receipt()["products"]}


@pytest.fixture
def reproduction(finished_workspace: Path, tmp_path: Path) -> Reproduction:
    source = tmp_path / "their-run"
    shutil.copytree(finished_workspace, source)
    return Reproduction(source, tmp_path / "own")


@pytest.fixture
def edited(reproduction: Reproduction) -> Callable[[str, Callable[[Any], None]], None]:
    """Changes a JSON file of the source."""

    def edit(name: str, change: Callable[[Any], None]) -> None:
        path = reproduction.source / name
        table = json.loads(path.read_text())
        change(table)
        path.write_text(json.dumps(table))

    return edit
