"""EXACT takes commits of this clone and pinned packages, and nothing else that a record may name."""

import dataclasses
import sys

import pytest

from harness.errors import CannotTell
from harness.packages import installed, pinned
from harness.reproduce.exact import make_exact, plan_exact
from harness.reproduce.source import CODE, ENGINE, NUMERICS, SETTINGS, Run


def git(folder, *words):
    import subprocess

    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
    argv = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of two commits; the first one is exact."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q")
    for text in ("first", "second"):
        (folder / "sources.txt").write_text(text)
        (folder / "constraints.txt").write_text(f"numpy==1.0  # {text}\n")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", text)
    monkeypatch.setattr("harness.code_version.PACKAGES", folder)
    return folder


def run(commit, packages=None, **facts):
    told = dict.fromkeys((*SETTINGS, *ENGINE, *NUMERICS, *CODE))
    python = ".".join(map(str, sys.version_info[:3]))
    return Run(
        kind="workspace",
        name="w",
        facts={**told, "python": python, **facts, "commit": commit},
        packages=installed() if packages is None else packages,
    )


def test_the_sources_of_a_commit_are_taken_and_this_python_where_it_has_the_packages(clone, tmp_path):
    first = git(clone, "rev-parse", "HEAD~1")
    plan = plan_exact(run(first))
    python, sources = make_exact(plan, tmp_path / "own", say=print)

    assert plan.told() == [
        f"exact: the sources of commit {first}, by `git worktree add`",
        "exact: this Python has the recorded versions of all packages",
    ]
    assert (python, (sources / "sources.txt").read_text()) == (sys.executable, "first")
    assert make_exact(plan, tmp_path / "own", say=print) == (python, sources)  # an interrupted one goes on


@pytest.mark.parametrize(
    ("commit", "words"),
    [
        (None, "its commit was not recorded"),
        ("a" * 40, "is not in this clone"),
        ("HEAD", "its stages are of several commits, HEAD"),
        ("--upload-pack=x", "its stages are of several commits, --upload-pack=x"),
    ],
)
def test_what_is_no_commit_of_this_clone_is_refused(clone, commit, words):
    with pytest.raises(CannotTell, match=words):
        plan_exact(run(commit))


def test_without_git_nothing_is_exact(clone, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotTell, match="there is no git on this machine"):
        plan_exact(run("a" * 40))


def test_only_versions_of_pinned_names_are_installed(clone):
    first = git(clone, "rev-parse", "HEAD~1")
    odd = {
        "Pillow": "12.2.0",
        "numpy": "2.2.6 --index-url=https://evil.example",
        "torch": "@ https://evil.example/torch.whl",
        "evil": "1.0",
        "-r": "evil.txt",
    }
    plan = plan_exact(run(first, packages=odd))
    assert plan.versions == {"pillow": "12.2.0"}
    assert "pip installs, into an environment of its own: pillow==12.2.0" in plan.told()[1]


def test_packages_that_were_not_recorded_are_those_of_the_commit(clone):
    plan = plan_exact(run(git(clone, "rev-parse", "HEAD"), packages={}))
    assert plan.versions == {"numpy": "1.0"}
    assert "its packages were not recorded" in plan.told()[2]


def test_what_cannot_be_exact_is_said(clone):
    head = git(clone, "rev-parse", "HEAD")
    told = plan_exact(run(head, python="3.9.1", sources_changed=True, image_sha256="ab")).told()
    told = "\n".join(told)
    assert "its sources were changed and not committed" in told
    assert "it ran with Python 3.9.1, this is" in told
    assert "its engine was in a container image" in told


@pytest.mark.slow
def test_a_package_that_pip_cannot_bring_ends_in_words(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    plan = dataclasses.replace(plan_exact(run(git(clone, "rev-parse", "HEAD"))), versions={"pillow": "0.0.1"})
    with pytest.raises(CannotTell, match=r"pip ended with status 1.*pillow==0\.0\.1"):
        make_exact(plan, tmp_path / "own", say=print)


def test_a_constraints_file_is_read_for_pins_alone():
    text = "# why\nnumpy==2.2.6\nTorch_Vision==1.0+cpu # here\n--index-url https://evil.example\nb @ https://c\nd>=1\n"
    assert pinned(text) == {"numpy": "2.2.6", "torch-vision": "1.0+cpu"}


def test_versions_are_those_that_python_imports():
    import numpy

    assert installed()["numpy"] == numpy.__version__
