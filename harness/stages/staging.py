"""Frames copied to the node's own disk before training, which reads each of them in every epoch.

Only what the engine reads is elsewhere: results go to the workspace, and markers, fingerprints and the spec
as used name the workspace alone. Stages that read each frame once would gain nothing.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.engine.phases import STAGING
from harness.files import write_text
from harness.settings.platform import node_scratch
from harness.stages.attempt import Attempt
from harness.workspace.layout import STATUS, Workspace


@contextlib.contextmanager
def inputs_near(attempt: Attempt, splits: Sequence[str]) -> Iterator[Path]:
    """The folder that stands for the workspace in a spec for the engine; a copy is removed afterwards.

    The copy holds the data of `splits` and links to all else. Where nothing is to be copied, or it cannot be,
    it is the workspace itself; a job on several nodes reads from there, too, since each has its own disk.
    """
    settings = attempt.settings
    scratch = node_scratch(settings.platform, os.environ) if settings.nodes == 1 else None
    with contextlib.ExitStack() as stack:
        yield _copied(attempt, splits, scratch, stack) if scratch else attempt.workspace.root


def _copied(attempt: Attempt, splits: Sequence[str], scratch: Path, stack: contextlib.ExitStack) -> Path:
    began_s, clock_s = time.time(), time.monotonic()
    try:
        # A name that nobody can guess, for /tmp is everybody's.
        temporary = tempfile.TemporaryDirectory(prefix="jamcam-", dir=scratch, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        copied_bytes = _fill(folder, attempt.workspace, splits)
    except OSError as error:
        stack.close()
        words = f"{scratch} takes no copy of them ({error.strerror})"
        attempt.say(f"frames are read from the workspace: {words}")
        return attempt.workspace.root
    lasted_s = round(time.monotonic() - clock_s, 3)
    told = {"phase": STAGING, "started_unix_s": round(began_s, 3), "duration_s": lasted_s}
    write_text(attempt.folder / STAGING / STATUS, json.dumps(told) + "\n")
    attempt.say(f"copied {copied_bytes / 1e6:.1f} MB of frames to {folder} in {lasted_s:.1f} s")
    return folder


def _fill(folder: Path, workspace: Workspace, splits: Sequence[str]) -> int:
    """Copy the data of `splits` to `folder` and link to all else in the workspace; the bytes copied."""
    data = folder / workspace.data.name
    data.mkdir()
    _link(workspace.root, folder, but={workspace.data.name})
    _link(workspace.data, data, but=set(splits))
    copied_bytes = 0
    for split in splits:
        for path in sorted((workspace.data / split).rglob("*")):
            if path.is_file():
                target = data / path.relative_to(workspace.data)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                copied_bytes += target.stat().st_size
    return copied_bytes


def _link(source: Path, target: Path, *, but: set[str]) -> None:
    for path in source.iterdir():
        if path.name not in but:
            (target / path.name).symlink_to(path)
