"""A file that is being fetched: its size so far, what is known of its source, and room for the rest."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

from harness.errors import DataError
from harness.files import CHUNK_BYTES, read_json, write_json
from harness.progress import Progress

SPARE_BYTES = 64 << 20


class Broken(Exception):
    """This attempt ended early; the next one resumes, after `wait_s` where the server asks for a pause."""

    def __init__(self, message: str, *, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def finished(part: Path) -> Path:
    """Where the file will be once it is whole, and where one that was fetched by hand is looked for."""
    return part.with_name(part.name.removeprefix(".").removesuffix(".part"))


def size_bytes(part: Path) -> int:
    """How much is there."""
    return part.stat().st_size if part.exists() else 0


def forget(part: Path) -> None:
    """Remove a partial download and what is remembered of it."""
    part.unlink(missing_ok=True)
    _memory(part).unlink(missing_ok=True)


def remember(part: Path, *, address: str, validator: str) -> None:
    """Keep, in `<part>.json`, which version of the file at `address` this is a part of."""
    write_json(_memory(part), {"address": address, "validator": validator})


def remembered(part: Path, *, address: str) -> str:
    """The server's word for that version, "" where none is known."""
    memory = read_json(_memory(part))
    return str(memory.get("validator") or "") if memory.get("address") == address else ""


def check_room(part: Path, missing_bytes: int) -> None:
    """Refuse, by DataError, a disk without room for that many more bytes."""
    free_bytes = shutil.disk_usage(part.parent).free
    if free_bytes < missing_bytes + SPARE_BYTES:
        raise DataError(
            f"{part.name} needs {missing_bytes / 1e6:.0f} MB and {SPARE_BYTES / 1e6:.0f} MB to spare, "
            f"{free_bytes / 1e6:.0f} MB are free in {part.parent}",
            remedy="make room, or choose another WORKSPACE",
        )


def pour(
    read: Callable[[int], bytes],
    target: IO[bytes],
    name: str,
    *,
    total: int | None,
    say: Callable[[str], None],
    start: int = 0,
) -> str:
    """Copy what `read` gives to the end; `start` bytes of `total` are there already.

    Returns:
        The SHA-256 of what was copied now, in hexadecimal: a file that came in one go need not be read again.
    """
    digest = hashlib.sha256()
    with Progress(name, total, unit="B", say=say, start=start) as progress:
        while chunk := read(CHUNK_BYTES):
            target.write(chunk)
            digest.update(chunk)
            progress.advance(len(chunk))
    return digest.hexdigest()


def _memory(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
