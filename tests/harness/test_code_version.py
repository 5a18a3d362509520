import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ASK = """
import json, sys
from dataclasses import asdict
from harness.code_version import code_version
print(json.dumps(asdict(code_version(["harness"]))))
"""


@pytest.fixture
def sources(tmp_path):
    """A copy of the harness's sources in a folder `copy`, without git."""
    folder = tmp_path / "outer" / "copy"
    shutil.copytree(CHECKOUT / "harness", folder / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def git(folder, *words):
    named = [
        "-c",
        "user.name=Somebody",
        "-c",
        "user.email=somebody@example.org",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True)
    return folder


def committed(folder):
    git(folder, "init")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "first")
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def version(folder, **names):
    """What a program in `folder` says of itself."""
    known = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **names}
    said = subprocess.run(
        [sys.executable, "-c", ASK], env=known, cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    return json.loads(said)


def test_a_checkout_tells_its_commit_and_what_was_changed(sources):
    commit = committed(sources)
    (sources / "harness" / "units.py").write_text("# changed\n")

    assert version(sources) == {"commit": commit, "changed": ["harness/units.py"], "doubt": ""}


def test_sources_inside_another_repository_are_not_at_its_commit(sources):
    committed(sources.parent)

    found = version(sources)

    assert (found["commit"], found["changed"]) == (None, [])
    assert found["doubt"] == f"the sources lie inside another repository, {sources.parent}"


def test_a_repository_named_in_the_environment_is_not_asked(sources, tmp_path):
    commit, other = committed(sources), tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("")
    committed(other)

    assert version(sources, GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other))["commit"] == commit


def test_where_git_refuses_to_look_nothing_counts_as_clean(sources, tmp_path):
    committed(sources)
    (tmp_path / "bin").mkdir()
    refuses = tmp_path / "bin" / "git"
    refuses.write_text("#!/bin/sh\necho 'fatal: detected dubious ownership in repository' >&2\nexit 128\n")
    refuses.chmod(0o755)

    found = version(sources, PATH=f"{refuses.parent}{os.pathsep}{os.environ['PATH']}")

    assert (found["commit"], found["changed"]) == (None, [])
    assert found["doubt"] == "git says: fatal: detected dubious ownership in repository"


def test_without_git_the_commit_is_unknown(sources, tmp_path):
    found = version(sources, PATH=str(tmp_path))

    assert found == {"commit": None, "changed": [], "doubt": "there is no git on this machine"}


def test_in_an_image_the_manifest_names_the_commit(sources):
    (sources / "manifest.json").write_text('{"git_commit": "0123abcd"}')

    assert version(sources) == {"commit": "0123abcd", "changed": [], "doubt": ""}
