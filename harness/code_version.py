"""Which commit of this project runs, and which of its files were changed since, as far as it is known."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files import read_json

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE_S = 30.0
# Changes here change what a run makes.
SOURCES = (
    *("harness", "yolo_v4", "made_frames", "specs", "container"),
    *("pyproject.toml", "constraints.txt"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeVersion:
    """`commit` is None where it is unknown, `doubt` says why; `changed` are paths below the checkout."""

    commit: str | None
    changed: tuple[str, ...] = ()
    doubt: str = ""


def code_version(paths: Sequence[str] = ()) -> CodeVersion:
    """The commit that this program's sources stand at.

    In an image it is the one that the image's manifest names. Elsewhere git is asked, and its answer counts
    only where the top of the repository is our own folder: sources unpacked inside another project are not at
    its commit.

    Args:
        paths: files and folders, below the checkout, that are looked at for changes; none: changes are not
            looked for.
    """
    manifest = read_json(CHECKOUT / "manifest.json")
    if "git_commit" in manifest:
        return CodeVersion(commit=str(manifest["git_commit"]))
    top, doubt = git("rev-parse", "--show-toplevel", "HEAD")
    if doubt:
        return CodeVersion(commit=None, doubt=doubt)
    folder, _, commit = top.strip().rpartition("\n")
    if Path(folder).resolve() != CHECKOUT:
        return CodeVersion(commit=None, doubt=f"the sources lie inside another repository, {folder}")
    if not paths:
        return CodeVersion(commit=commit)
    listed, doubt = git("status", "--porcelain", "--no-renames", "--", *paths)
    return CodeVersion(commit=commit, changed=tuple(line[3:] for line in listed.splitlines()), doubt=doubt)


def git(*words: str, folder: Path | None = None) -> tuple[str, str]:
    """What git, asked about a folder or the checkout, printed, and why that is no answer, or ""."""
    # GIT_DIR and its like would have git speak of another repository.
    names = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder or CHECKOUT), *words]
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
