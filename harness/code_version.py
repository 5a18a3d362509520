"""Which commit of this project runs, and which of its files were changed since, as far as it is known."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files import read_json, sha256_file
from harness.own_files import CARRIED, IS_INSTALLED, PACKAGES, PERSONAL, own
from harness.text import shortened

# Changes here change what a run makes; results and documents do not.
SOURCES = (
    *("harness", "yolo_v4", "made_frames", "specs", "container"),
    *("pyproject.toml", "constraints.txt"),
)
MEASURING = ("probe", "bench")  # and here what is measured
STAMP = "commit.json"  # written into an sdist and a wheel by build_package.py
ARCHIVED = ".git_archival.txt"  # `git archive` writes the commit into it
PATIENCE_S = 30.0
Place = Callable[[str], Path]  # where the file or folder lies that a checkout has at a path


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeVersion:
    """`commit` is None where it is unknown; `changed` are paths below the checkout.

    `doubt` says why something cannot be told: the commit, or whether something was changed.
    """

    commit: str | None
    changed: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def words(self) -> str:
        """The commit, and whether it was changed: yes, no, or cannot tell."""
        if self.commit is None:
            return f"of which commit cannot be told: {self.doubt}"
        if self.changed:
            return f"commit {self.commit}, changed since: {shortened(self.changed)}"
        if self.doubt:
            return f"commit {self.commit}; whether it was changed since cannot be told: {self.doubt}"
        return f"commit {self.commit}, not changed since"


def code_version(paths: Sequence[str] = ()) -> CodeVersion:
    """The commit that this program's sources stand at.

    What came along with the sources tells it: the manifest of an image, the stamp of an sdist or wheel, and
    what `git archive` wrote. Elsewhere git is asked, and its answer counts only where the top of the
    repository is our own folder: sources unpacked inside another project are not at its commit.

    Args:
        paths: files and folders, below the checkout, that are looked at for changes; none: changes are not
            looked for.
    """
    manifest = read_json(PACKAGES / "manifest.json")
    if "git_commit" in manifest:
        return _of_image(str(manifest["git_commit"]))
    stamped = read_json((CARRIED if IS_INSTALLED else PACKAGES) / STAMP)
    if stamped.keys() >= {"git_commit", "changed", "doubt", "sha256"}:
        return _of_stamp(stamped, paths)
    if commit := _archived():
        doubt = "an archive of git's does not say what its files were" if paths else ""
        return CodeVersion(commit=commit, doubt=doubt)
    return _of_git(paths)


def stamp(place: Place) -> dict[str, Any]:
    """What an sdist or wheel says of the sources that it is made of: STAMP.

    Args:
        place: for it; what is not there is left out.
    """
    every = (*SOURCES, *MEASURING)
    version = code_version(every)
    known = {"git_commit": version.commit, "changed": list(version.changed), "doubt": version.doubt}
    return {**known, "sha256": _digests(every, place)}


def _of_image(told: str) -> CodeVersion:
    """What `container/template.py` wrote: a commit, the same with `-dirty` behind it, or `unknown`."""
    if told == "unknown":
        return CodeVersion(commit=None, doubt="the manifest of this image does not say it")
    commit, _, dirty = told.partition("-")
    changed = ("files that the manifest of this image does not name",) if dirty else ()
    return CodeVersion(commit=commit, changed=changed)


def _of_stamp(stamped: dict[str, Any], paths: Sequence[str]) -> CodeVersion:
    commit, was = stamped["git_commit"], stamped["sha256"]
    if commit is None or not paths:
        return CodeVersion(commit=commit, doubt=stamped["doubt"] if commit is None else "")
    carried = {path.split("/")[0] for path in was}
    looked_at = [path for path in paths if path.split("/")[0] in carried]
    now = _digests(looked_at, own)
    before = {file: digest for file, digest in was.items() if _is_below(file, looked_at)}
    differing = {file for file, _ in before.items() ^ now.items()}
    already = {file for file in stamped["changed"] if _is_below(file, paths)}
    return CodeVersion(commit=commit, changed=tuple(sorted(differing | already)), doubt=stamped["doubt"])


def _is_below(file: str, paths: Sequence[str]) -> bool:
    return any(file == path or file.startswith(f"{path}/") for path in paths)


def _digests(paths: Sequence[str], place: Place) -> dict[str, str]:
    """SHA-256 of every file at or below the paths, by its path in a checkout."""
    found = {}
    for path in paths:
        top = place(path)
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = path if file == top else f"{path}/{file.relative_to(top).as_posix()}"
            is_ours = file.suffix != ".pyc" and not file.match(PERSONAL)
            if file.is_file() and is_ours and not name.startswith(f"harness/{CARRIED.name}/"):
                found[name] = sha256_file(file)
    return found


def _archived() -> str:
    """The commit that `git archive` wrote in the place of `$Format:%H$`; "" elsewhere."""
    path = PACKAGES / ARCHIVED
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^node: ([0-9a-f]{40,64})$", text, re.MULTILINE)
    return found[1] if found else ""


def _of_git(paths: Sequence[str]) -> CodeVersion:
    top, doubt = git("rev-parse", "--show-toplevel", "HEAD")
    if doubt:
        return CodeVersion(commit=None, doubt=doubt)
    folder, _, commit = top.strip().rpartition("\n")
    if Path(folder).resolve() != PACKAGES:
        return CodeVersion(commit=None, doubt=f"the sources lie inside another repository, {folder}")
    if not paths:
        return CodeVersion(commit=commit)
    listed, doubt = git("status", "--porcelain", "--no-renames", "--", *paths)
    return CodeVersion(commit=commit, changed=tuple(line[3:] for line in listed.splitlines()), doubt=doubt)


def git(*words: str, folder: Path | None = None) -> tuple[str, str]:
    """What git, asked about a folder or the checkout, printed, and why that is no answer, or ""."""
    # GIT_DIR and its like would have git speak of another repository.
    names = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder or PACKAGES), *words]
    try:
        answer = subprocess.run(
            command,
            env=names,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE_S,
        )
    except FileNotFoundError:
        return "", "there is no git on this machine"
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"git did not answer: {error}"
    complaint = answer.stderr.strip().splitlines() or [f"exit status {answer.returncode}"]
    return answer.stdout, f"git says: {complaint[0]}" if answer.returncode else ""
