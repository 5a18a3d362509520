"""Write files so that they are complete or as before."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

HALF_WRITTEN = ".part"  # a kill leaves files of this ending, whose names begin with a dot
NAME_DIGITS = 16


def remove_half_written(folder: Path) -> None:
    """Remove what killed processes were writing in a folder in which nobody else writes."""
    for path in folder.glob(f".*{HALF_WRITTEN}"):
        path.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` at the end; after a failure, `path` is as before.

    The folder is made if need be. If `durable`, file and folder are synchronised with the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by the whole name, which may be as long as a file system allows.
    name = hashlib.sha256(path.name.encode()).hexdigest()[:NAME_DIGITS]
    temporary = path.with_name(f".{name}.{os.getpid()}{HALF_WRITTEN}")
    try:
        with temporary.open("wb") as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if not durable:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
