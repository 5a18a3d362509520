"""Verbs that tidy up: unlock, clean; and the lock that is held while a workspace is changed."""

import argparse
import contextlib
from collections.abc import Iterator
from typing import TextIO

from harness.errors import ConfigError
from harness.files import remove
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.verb import FORCE, Verb
from harness.workspace.layout import FILLED_SPECS, Workspace

TITLE = "tidying"
MADE = (
    *("data/.frames", "data/train", "data/val", "data/test", "data/split.json"),
    *("experiment", "report.html", FILLED_SPECS, ".markers", ".attempts", ".seeds", ".kept"),
)


# One of these is in every folder in which a stage was begun: `experiment` or `data/train` may be anybody's.
SIGNS = (".markers", ".attempts", ".kept", ".seeds", "data/.frames", "specs/.copied.json")


@contextlib.contextmanager
def held(workspace: Workspace, *, stream: TextIO | None = None) -> Iterator[None]:
    """Nobody else works in `workspace` inside this context; what there is to say goes to `stream`."""
    from harness.queue.slurm import is_over
    from harness.workspace.lock import workspace_lock

    with workspace_lock(workspace, say=lambda text: tell(f"jamcam: {text}", stream=stream), is_over=is_over):
        yield


def _unlock(settings: Settings, options: argparse.Namespace) -> int:
    from harness.queue.slurm import is_over
    from harness.workspace.lock import unlock

    held_by = unlock(Workspace(settings.workspace), force=options.force, is_over=is_over)
    tell(f"unlocked; it was held by {held_by}" if held_by else f"{settings.workspace} is not locked")
    return 0


def _clean(settings: Settings, options: argparse.Namespace) -> int:
    if not settings.workspace.is_dir():
        tell(f"nothing to clean: there is no {settings.workspace}")
        return 0
    from harness.workspace.kept import every_set, summary

    workspace = Workspace(settings.workspace)
    _require_workspace(workspace, keep=settings.keep)
    with held(workspace):
        aside = summary(every_set(workspace))
        removed, kept = clean(workspace, archive=settings.dataset.archive, keep=settings.keep)
    tell("removed: " + (", ".join(removed) or "nothing"))
    if ".kept" in removed:
        tell(f"with .kept: {aside}")
    tell("kept: " + (", ".join(kept) or "nothing") + f" (in {settings.workspace})")
    return 0


def _require_workspace(workspace: Workspace, *, keep: bool) -> None:
    """Refuse a folder that has names of ours, and in which nothing was ever begun: paths are mistyped."""
    names = MADE if keep else (*MADE, workspace.pretrained.name, workspace.specs.name)
    there = [name for name in names if workspace.path(name).exists()]
    if there and not any(workspace.path(name).exists() for name in SIGNS):
        raise ConfigError(
            f"{workspace.root} has {there[0]}, and nothing says that it is a workspace: nothing is removed",
            remedy="correct WORKSPACE, or remove what is there yourself",
        )


def clean(workspace: Workspace, *, archive: str, keep: bool) -> tuple[list[str], list[str]]:
    """Remove what stages made.

    Args:
        archive: file name of the data set's archive.
        keep: leave what was fetched (archive, pretrained weights) and the spec copies, which may be edited.

    Returns:
        What was removed and what was kept, relative to the workspace; only what was there.
    """
    fetched = (f"data/{archive}", workspace.pretrained.name, workspace.specs.name)
    there = {path for path in (*MADE, *fetched) if workspace.path(path).exists()}
    removed = [path for path in (*MADE, *(() if keep else fetched)) if path in there]
    for path in removed:
        remove(workspace.path(path))
    return removed, [path for path in fetched if path in there and keep]


VERBS = (
    Verb(
        name="unlock",
        help="remove the lock of a run that is gone",
        run=_unlock,
        settings=("workspace",),
        options=(FORCE,),
    ),
    Verb(
        name="clean",
        help="remove products, markers and logs",
        run=_clean,
        settings=("recipe", "dataset", "workspace", "keep"),
    ),
)
