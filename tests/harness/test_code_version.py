import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.code_version import CodeVersion

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
    told = ("user.name=Somebody", "user.email=somebody@example.org", "init.defaultBranch=main")
    named = [word for each in (*told, "commit.gpgsign=false") for word in ("-c", each)]
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


@pytest.mark.parametrize(
    ("told", "commit", "changed", "doubt"),
    [
        ("0123abcd-dirty", "0123abcd", ["files that the manifest of this image does not name"], ""),
        ("unknown", None, [], "the manifest of this image does not say it"),
    ],
)
def test_an_image_of_changed_or_unknown_sources_is_not_clean(sources, told, commit, changed, doubt):
    (sources / "manifest.json").write_text(json.dumps({"git_commit": told}))

    assert version(sources) == {"commit": commit, "changed": changed, "doubt": doubt}


def stamped(folder, **known):
    """The sources in `folder` with what an sdist of them would say."""
    program = (
        "import json; from pathlib import Path; from harness import code_version;"
        "print(json.dumps(code_version.stamp(lambda path: Path(path))))"
    )
    names = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    said = subprocess.run(
        [sys.executable, "-c", program], env=names, cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    shutil.rmtree(folder / ".git", ignore_errors=True)
    (folder / "commit.json").write_text(json.dumps({**json.loads(said), **known}))


def test_sources_of_an_sdist_tell_commit_and_changes_without_git(sources, tmp_path):
    commit = committed(sources)
    stamped(sources)
    assert version(sources, PATH=str(tmp_path)) == {"commit": commit, "changed": [], "doubt": ""}

    (sources / "harness" / "units.py").write_text("# changed\n")
    (sources / "harness" / "text.py").write_bytes((CHECKOUT / "harness" / "text.py").read_bytes() + b"# 1\n")
    (sources / "harness" / "report" / "new.py").write_text("")
    (sources / "harness" / "verdict.pyc").write_text("compiled")
    (sources / "harness" / "progress.py").unlink()

    changed = ["harness/progress.py", "harness/report/new.py", "harness/text.py", "harness/units.py"]
    assert version(sources, PATH=str(tmp_path)) == {"commit": commit, "changed": changed, "doubt": ""}


def test_an_sdist_of_changed_sources_stays_changed(sources):
    commit = committed(sources)
    (sources / "harness" / "units.py").write_text("# changed\n")
    stamped(sources)

    assert version(sources) == {"commit": commit, "changed": ["harness/units.py"], "doubt": ""}


def test_an_sdist_of_sources_whose_commit_nobody_knew_does_not_know_it_either(sources):
    committed(sources.parent)
    stamped(sources)

    found = version(sources)
    assert (found["commit"], found["changed"]) == (None, [])
    assert found["doubt"] == f"the sources lie inside another repository, {sources.parent}"


def test_an_sdist_inside_another_repository_is_at_its_own_commit(sources):
    commit = committed(sources)
    stamped(sources)
    committed(sources.parent)

    assert version(sources)["commit"] == commit


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"git_commit": "0123abcd"}'])
def test_a_stamp_that_is_half_there_says_nothing(sources, text):
    (sources / "commit.json").write_text(text)

    assert version(sources)["commit"] is None


def test_what_git_archived_tells_its_commit_and_not_whether_it_was_changed(sources, tmp_path):
    for name in (".gitattributes", ".git_archival.txt"):
        shutil.copyfile(CHECKOUT / name, sources / name)
    commit = committed(sources)
    assert version(sources) == {"commit": commit, "changed": [], "doubt": ""}

    git(sources, "archive", "--format=tar", "--output", str(tmp_path / "sources.tar"), "HEAD")
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "sources.tar"], cwd=unpacked, check=True)

    doubt = "an archive of git's does not say what its files were"
    assert version(unpacked) == {"commit": commit, "changed": [], "doubt": doubt}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (CodeVersion(commit="0123"), "commit 0123, not changed since"),
        (CodeVersion(commit="0123", changed=("a", "b", "c")), "commit 0123, changed since: a, b and 1 more"),
        (
            CodeVersion(commit="0123", doubt="git says: no"),
            "commit 0123; whether it was changed since cannot be told: git says: no",
        ),
        (
            CodeVersion(commit=None, doubt="there is no git on this machine"),
            "of which commit cannot be told: there is no git on this machine",
        ),
    ],
)
def test_changed_not_changed_and_unknown_are_three_things(found, words):
    assert found.words == words
