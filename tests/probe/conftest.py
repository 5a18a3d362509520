"""What tests of the probe may ask for: the program itself, as people start it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.samples import SampleFile


@pytest.fixture
def start_probe(checkout: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Begins `python -m probe WORD…` with pipes, and does not wait; what a test leaves behind is ended."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: str, environment: dict[str, str] | None = None, **how: Any) -> "subprocess.Popen[str]":
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        # Which of their GPUs people chose says nothing of those of the stand-in.
        names = {name: text for name, text in os.environ.items() if not name.startswith("CUDA_")}
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "probe", *words],
                env={**names, "PYTHONPATH": str(checkout), **(environment or {})},
                text=True,
                **pipes,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            pipe.close()


@pytest.fixture
def probe(
    start_probe: Callable[..., "subprocess.Popen[str]"],
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs it to the end and demands the exit status."""

    def run(*words: str, status: int = 0, **how: Any) -> "subprocess.CompletedProcess[str]":
        process = start_probe(*words, **how)
        out, err = process.communicate(timeout=60)
        assert process.returncode == status, out + err
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    return run


@pytest.fixture
def write_samples(tmp_path: Path) -> Callable[..., Path]:
    """Makes a file of samples out of columns; gives its folder."""

    def write(unix_s: list[float], **columns: list[float | None]) -> Path:
        with SampleFile(tmp_path, [*columns]) as file:
            for time_s, *values in zip(unix_s, *columns.values(), strict=True):
                file.add(time_s, 0.0, values)
        return tmp_path

    return write
