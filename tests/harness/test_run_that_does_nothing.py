"""A run that finds nothing to do costs little: no file is read twice, no heavy package is imported."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.harness.conftest import FAKES

# Started before anything of ours is imported; prints what was opened and what was imported after the verb's
# own output.
PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, words: opened.append(words[0]) if event == "open" else None)
from harness.cli import main
status = main(sys.argv[1:])
import json, os
paths = [os.path.realpath(os.fsdecode(path)) for path in opened if isinstance(path, (str, bytes))]
print(json.dumps({"status": status, "opened": paths, "modules": sorted(sys.modules)}))
"""
# What stands behind luigi, fetching, unpacking, measuring and starting programs.
HEAVY = {
    *(
        "luigi",
        "tornado",
        "asyncio",
        "multiprocessing",
        "concurrent.futures",
        "logging",
        "subprocess",
        "threading",
    ),
    *("urllib.request", "http.client", "ssl", "socket", "email", "zipfile", "tempfile", "ctypes", "platform"),
    *("numpy", "psutil", "PIL", "tqdm", "pynvml", "matplotlib", "torch"),
}


@pytest.fixture
def look(done, checkout):
    """Runs a verb in a workspace where all is done; what it printed, opened and imported."""

    def run(*words):
        answer = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words, *done.options()],
            cwd=checkout,
            env={**os.environ, "PATH": f"{FAKES}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        *printed, last = answer.stdout.splitlines()
        told = json.loads(last)
        assert told["status"] == 0, printed
        return "\n".join(printed), told["opened"], set(told["modules"])

    return run


@pytest.mark.parametrize(
    # `all` looks at what went into the five stages that decide whether the result is in the band of seeds.
    ("verb", "words", "told"),
    [("all", "nothing to do: download", 5), ("status", "export        done", 0)],
)
def test_no_file_is_read_twice(look, done, verb, words, told):
    printed, opened, _ = look(verb)

    assert words in printed
    assert {path: times for path, times in Counter(opened).items() if times > 1} == {}
    assert len([path for path in opened if path.startswith(f"{done.workspace}/.markers/")]) == 9 + told
    assert len([path for path in opened if path.endswith("smoke.band.json")]) == bool(told)


def test_nothing_is_written(look, done):
    before = {path: path.stat().st_mtime_ns for path in done.workspace.rglob("*")}

    look("all")

    assert {path: path.stat().st_mtime_ns for path in done.workspace.rglob("*")} == before


@pytest.mark.parametrize("verb", ["all", "train", "status"])
def test_no_heavy_package_is_imported(look, verb):
    _, _, modules = look(verb)

    assert modules & HEAVY == set()
    assert "harness.stages.scheduling" not in modules
