"""What tries and killed runs leave in a workspace, and how long it stays."""

import contextlib
import os
import re
import time
from pathlib import Path

from harness.files import read_json, remove
from harness.workspace.layout import LOG, OUTCOME, PRODUCTS, REQUEST, STATUS, Workspace

RESERVE = ".reserve"  # space that an attempt under way holds, so that its outcome fits on a full disk
KEPT_ATTEMPTS = 5  # of each stage, whole
TOLD = (REQUEST, OUTCOME, LOG, STATUS)  # stay of every try: what it was, why it ran, and what it cost
LOG_HEAD_BYTES = 65536  # of the log of an old try: why it ran, and what it went on from
KEPT_PRODUCTS_DAYS = 30.0  # what a training of other settings has made so far, and may go on from
DAY_S = 86400.0
HALF_WRITTEN = re.compile(r"\..+\.\d+\.part")  # by `files`: hidden, the process, `part`


def prune_attempts(own: Path, *, succeeded: bool) -> None:
    """Strip old attempts of the stage that `own`, the folder of the attempt that ends, belongs to.

    What they tell stays, so that a sum over all tries leaves none out. The newest `KEPT_ATTEMPTS` stay
    whole, and for each of as many fingerprints the one that made most: a training cut short is not lost
    because others were tried in between. Names tell the order, unless a clock was set back: `own` stays
    whatever its name is. Days are counted to the beginning of the newest try before this one, so that a
    clock which is ahead for once, and is right again at the next try, removes nothing.

    Args:
        succeeded: `own` is done, so nobody goes on from what it and others of its fingerprint made.
    """
    # A file is none of ours, and a link would lead to a folder of somebody else.
    folders = [path for path in own.parent.iterdir() if path.is_dir() and not path.is_symlink()]
    others = sorted((folder for folder in folders if folder != own), reverse=True)
    done = _fingerprint(own) if succeeded else None
    before_s = min(time.time(), max(map(_began_s, others), default=0.0))
    unfinished: dict[object, tuple[int, Path]] = {}  # by fingerprint: how many files, and the folder
    for folder in (own, *others):
        remove(folder / RESERVE)
        is_old = before_s - _began_s(folder) > KEPT_PRODUCTS_DAYS * DAY_S
        if is_old or (succeeded and _fingerprint(folder) == done):
            _strip(folder / PRODUCTS)
        files = sum(path.is_file() and path.name != STATUS for path in (folder / PRODUCTS).rglob("*"))
        if files > unfinished.get(_fingerprint(folder), (0, own))[0]:
            unfinished[_fingerprint(folder)] = files, folder
    most = [folder for _, folder in unfinished.values()]
    kept = {*others[: KEPT_ATTEMPTS - 1], *most[:KEPT_ATTEMPTS]}
    for folder in others:
        if folder not in kept:
            _strip(folder)


def _strip(folder: Path) -> None:
    """Leave of an attempt, or of its products, what it tells."""
    # What is in a folder comes before the folder.
    for path in (*sorted(folder.rglob("*"), reverse=True), folder):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # something in it stays
                path.rmdir()
        elif path.name not in TOLD or path.is_symlink():
            remove(path)
    log = folder / LOG
    if log.is_file() and log.stat().st_size > LOG_HEAD_BYTES:
        os.truncate(log, LOG_HEAD_BYTES)


def sweep_half_written(workspace: Workspace) -> None:
    """Remove files that a killed run was writing; to be called by who holds the workspace."""
    for folder in (workspace.root, workspace.marker("any").parent, workspace.specs):
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if HALF_WRITTEN.fullmatch(path.name):
                    remove(path)


def _fingerprint(folder: Path) -> object:
    request = read_json(folder / REQUEST)
    return request.get("canonical_fingerprint") or request.get("fingerprint")


def _began_s(folder: Path) -> float:
    # Not by the name, which a clock that was set back may have written.
    return (folder / REQUEST if (folder / REQUEST).exists() else folder).stat().st_mtime
