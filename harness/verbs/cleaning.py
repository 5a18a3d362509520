"""What `clean` takes away, and what it leaves."""

from harness.files import remove
from harness.workspace.layout import Workspace

MADE = ("data/.frames", "data/train", "data/val", "data/test", "data/split.json", "experiment", ".markers", ".attempts")


def clean(workspace: Workspace, *, archive: str, keep: bool) -> tuple[list[str], list[str]]:
    """Remove what stages made.

    Args:
        archive: file name of the data set's archive.
        keep: leave what was fetched (archive and pretrained weights) and the spec copies, which may be edited.

    Returns:
        What was removed and what was kept, relative to the workspace; only what was there.
    """
    fetched = (f"data/{archive}", workspace.pretrained.name, workspace.specs.name)
    there = {path for path in (*MADE, *fetched) if workspace.path(path).exists()}
    removed = [path for path in (*MADE, *(() if keep else fetched)) if path in there]
    for path in removed:
        remove(workspace.path(path))
    return removed, [path for path in fetched if path in there and keep]
