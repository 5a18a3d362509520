"""The folder of golden vectors: what of it was read, and how many of its cases were compared.

`make golden YOLO_V4_GOLDEN=DIR` asks for all of it: then a file of MANIFEST.txt that is missing, differs, was
not read or belongs to a test that was skipped makes the run fail.
"""

import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

NOT_READ = {"README.md", "MANIFEST.txt"}  # by the tests: they are for people, and for this file
INPUTS, CONVERSIONS = (
    "tfrecords/inputs/",
    "tfrecords/run_",
)  # frames that others read too, but only these need all
DIGEST = re.compile(r"[0-9a-f]{64}\s")  # begins a line of the manifest that names a file
opened: set[str] = set()
unread: dict[str, set[str]] = {}  # of each npz file, the arrays that no test asked for
compared_cases: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-complete", action="store_true", help="fail unless the whole golden folder was compared"
    )


@pytest.fixture(scope="session", autouse=True)
def _watched_reading() -> None:
    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.add(os.path.realpath(arguments[0]))

    sys.addaudithook(watch)


@pytest.fixture
def compared() -> Callable[[str, int], None]:
    """Is told of how many cases of a file were compared."""

    def tell(file: str, cases: int) -> None:
        compared_cases[file] += cases

    return tell


@pytest.fixture
def tell_difference(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Is told a line of the summary."""
    return pytestconfig.stash.setdefault(DIFFERENCES, []).append


@pytest.fixture
def topic(golden: Path) -> Callable[[str], Path]:
    """A file of the folder; the test is skipped where the folder has no such topic."""

    def find(name: str) -> Path:
        if not (golden / name).exists():
            pytest.skip(f"no {name} in {golden}")
        return golden / name

    return find


@pytest.fixture
def arrays(topic: Callable[[str], Path]) -> Callable[[str], dict[str, Any]]:
    """The arrays of an npz file by name."""
    return lambda name: Arrays(name, dict(np.load(topic(name), allow_pickle=False)))


class Arrays(dict[str, Any]):
    """Those of one file, which note what was asked for."""

    def __init__(self, file: str, content: dict[str, Any]) -> None:
        super().__init__(content)
        self._unread = unread.setdefault(file, set(content))

    def __getitem__(self, key: str) -> Any:
        self._unread.discard(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._unread.discard(key)
        return super().get(key, default)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("golden vectors")
    for file, cases in sorted(compared_cases.items()):
        terminalreporter.write_line(f"{file:<24} cases compared: {cases}")
    terminalreporter.write_line(f"cases compared: {sum(compared_cases.values())}")
    for line in config.stash.get(DIFFERENCES, ["no checkpoint of NVIDIA's program in YOLO_V4_TRAINED=DIR"]):
        terminalreporter.write_line(line)
    for problem in config.stash.get(PROBLEMS, []):
        terminalreporter.write_line(problem, red=True)


PROBLEMS = pytest.StashKey[list[str]]()
DIFFERENCES = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--golden-complete"):
        return
    folder = Path(os.environ.get("YOLO_V4_GOLDEN", "")).absolute()
    problems, read = [], opened.copy()  # what is hashed below was not read by a test
    manifest = folder / "MANIFEST.txt"
    lines = manifest.read_text().splitlines() if manifest.is_file() else []
    named = [line.split(maxsplit=2) for line in lines if DIGEST.match(line)]
    if not named:
        problems.append(f"{manifest} is not there or names no file")
    converted = any(name.startswith(CONVERSIONS) for *_, name in named)
    for digest, _, name in named:
        if not (folder / name).is_file():
            problems.append(f"missing: {name}")
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            problems.append(f"not as the manifest says: {name}")
        elif name in NOT_READ or (name.startswith(INPUTS) and not converted):
            continue
        elif os.path.realpath(folder / name) not in read:
            problems.append(f"not read by any test: {name}")
        elif "/" not in name and not compared_cases[name]:
            problems.append(f"no case compared: {name}")
        problems += [f"not looked at: {array} in {name}" for array in sorted(unread.get(name, ()))]
    session.config.stash[PROBLEMS] = problems
    if problems:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
