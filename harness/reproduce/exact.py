"""The sources of a recorded commit, and the recorded versions of packages, for a reproduction.

Only a commit that is in this clone is taken, by a git worktree, and only `name==version` of names that this
project pins are installed, into an environment of their own: never an address, and nothing that a record
could make a shell run.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.code_version import code_version, git
from harness.errors import CannotTell
from harness.files import read_json, remove, write_json
from harness.packages import CONSTRAINTS, PIN, installed, normal, pinned
from harness.reproduce.source import Run
from harness.text import last_lines, one_line

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExactPlan:
    """What an exact reproduction takes; `versions` are empty where this Python has them all."""

    commit: str
    versions: Mapping[str, str]
    notes: tuple[str, ...]  # what cannot be as it was, in words

    def told(self) -> list[str]:
        """What will be taken, in lines, before anything is."""
        packages = " ".join(f"{name}=={version}" for name, version in self.versions.items())
        lines = [
            f"exact: the sources of commit {self.commit}, by `git worktree add`",
            f"exact: pip installs, into an environment of its own: {packages}"
            if packages
            else "exact: this Python has the recorded versions of all packages",
        ]
        return [*lines, *(f"exact: {note}" for note in self.notes)]


def plan_exact(run: Run) -> ExactPlan:
    """What an exact reproduction of `run` would take.

    Raises:
        CannotTell: this machine cannot do it, with why.
    """
    commit = _commit(run)
    wanted, notes = _versions(run, commit)
    here = installed()
    is_here = all(here.get(name) == version for name, version in wanted.items())
    if run.facts.get("sources_changed"):
        notes += ("its sources were changed and not committed, which the commit does not have",)
    if run.facts.get("image_sha256"):
        notes += ("its engine was in a container image, which is not made here: give IMAGE",)
    python, own = run.facts.get("python"), ".".join(map(str, sys.version_info[:3]))
    if python not in (None, own):
        notes += (f"it ran with Python {python}, this is {own}",)
    return ExactPlan(commit=commit, versions={} if is_here else wanted, notes=notes)


def _commit(run: Run) -> str:
    commit, version = run.facts.get("commit"), code_version()
    without = "leave EXACT out, to reproduce with the sources that are here"
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        found = (
            f"its stages are of several commits, {one_line(str(commit))}"
            if commit
            else "its commit was not recorded"
        )
        raise CannotTell(f"cannot be exact: {found}", remedy=without)
    if version.commit is None:
        raise CannotTell(
            f"cannot be exact: {version.doubt or 'this is no clone of the project'}",
            remedy=f"work in a clone of the project that has commit {commit}, or {without}",
        )
    _, doubt = git("cat-file", "-e", f"{commit}^{{commit}}")
    if doubt:
        raise CannotTell(
            f"cannot be exact: commit {commit} is not in this clone", remedy=f"git fetch, or {without}"
        )
    return commit


def _versions(run: Run, commit: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Versions of packages that this project knows, and what there is to say of them."""
    known = {*pinned(CONSTRAINTS.read_text())} if CONSTRAINTS.exists() else set()
    notes: tuple[str, ...] = ()
    recorded = {normal(name): version for name, version in run.packages.items()}
    if not recorded:
        text, _ = git("show", f"{commit}:constraints.txt")
        recorded = pinned(text)
        notes = ("its packages were not recorded: taken are those that constraints.txt of that commit names",)
    wanted = {name: version for name, version in sorted(recorded.items()) if name in known}
    return {name: version for name, version in wanted.items() if PIN.fullmatch(f"{name}=={version}")}, notes


def make_exact(plan: ExactPlan, folder: Path, *, say: Callable[[str], None]) -> tuple[str, Path]:
    """The Python and the folder of sources to run with, made in `folder` unless they are there.

    Raises:
        CannotTell: git or pip could not, with what they said.
    """
    sources = folder / "sources"
    if _head(sources) != plan.commit:
        remove(sources)
        git("worktree", "prune")
        _, doubt = git(
            "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", str(sources), plan.commit
        )
        if doubt:
            raise CannotTell(f"cannot be exact: no worktree could be made: {doubt}", remedy="leave EXACT out")
    return (_environment(plan, folder, say=say) if plan.versions else sys.executable), sources


def _head(sources: Path) -> str:
    if not (sources / ".git").exists():
        return ""
    return git("rev-parse", "HEAD", folder=sources)[0].strip()


def _environment(plan: ExactPlan, folder: Path, *, say: Callable[[str], None]) -> str:
    place, note, log = folder / "venv", folder / "venv.json", folder / "pip.log"
    python = place / "bin" / "python"
    if read_json(note) == dict(plan.versions) and python.exists():
        return str(python)
    remove(place)
    say(f"exact: making an environment in {place}")
    wanted = [f"{name}=={version}" for name, version in plan.versions.items()]
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", *wanted]
    for argv in ([sys.executable, "-m", "venv", str(place)], pip):
        with log.open("wb") as stream:
            status = subprocess.run(argv, stdout=stream, stderr=stream, check=False).returncode
        if status:
            said = [line for line in last_lines(log) if "ERROR" in line] or last_lines(log)[-1:]
            raise CannotTell(
                f"cannot be exact: {argv[2]} ended with status {status}: {' '.join(said)}",
                remedy=f"read {log}; try with another package index (PIP_INDEX_URL), or leave EXACT out",
            )
    write_json(note, dict(plan.versions))
    return str(python)
