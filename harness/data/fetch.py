"""Fetch one file: resumed where it broke off, checked by size and sha256 before anybody may use it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.data.partial import Broken, check_room, finished, forget, pour, size_bytes
from harness.errors import DataError
from harness.files import publish, sha256_file
from harness.settings.address import check_address, is_local
from harness.settings.dataset import local_path
from harness.text import duration


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to put up with a bad connection.

    `pauses_s` lies before each new attempt in a row that brought nothing, `stall_s` is the longest silence,
    `longest_wait_s` the longest pause that a server may ask for.
    """

    pauses_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
    stall_s: float = 30.0
    longest_wait_s: float = 600.0


def keep(target: Path, address: str, *, sha256: str, say: Callable[[str], None]) -> None:
    """Have the file of `address` at `target`, where it stays for the next attempt or was put by hand.

    Raises:
        ConfigError, DataError: as `fetch`.
    """
    if sha256 and target.exists() and sha256_file(target) == sha256:
        say(f"{target.name} is here already, with the expected sha256")
        return
    part = target.with_name(f".{target.name}.part")
    say(f"fetching {address}")
    fetch(address, part, sha256=sha256, say=say)
    publish(part, target)
    forget(part)


def fetch(
    address: str, part: Path, *, sha256: str, say: Callable[[str], None], patience: Patience | None = None
) -> None:
    """Bring the file at `address` to `part`, which survives kills and is resumed by the next call.

    Args:
        address: https, http on loopback, or file.
        sha256: expected digest in hexadecimal; "" for a local file takes what comes.
        say: receives a line for each thing a person may want to know.

    Raises:
        ConfigError: an address that `harness.settings.address` refuses.
        DataError: the address cannot be read, the disk is too small, or the content is not what was expected.
    """
    check_address(address, sha256=sha256, where=part.name)
    part.parent.mkdir(parents=True, exist_ok=True)
    for resumed in (True, False) if part.exists() else (False,):
        if is_local(address):
            found = _copy(address, part, say)
        else:
            found = _bring(address, part, say, patience or Patience()) or sha256_file(part)
        length, kind = size_bytes(part), _kind(part)
        if sha256 in ("", found):
            return
        forget(part)
        if resumed:
            say(f"{part.name}: what was resumed does not have the expected sha256; fetching it anew")
    raise DataError(
        f"{address} has sha256 {found} ({length} bytes{kind}), expected {sha256}; it was thrown away",
        remedy=f"correct the address, or fetch it by hand and put it at {finished(part)}"
        if kind
        else "find out which of the two is right; a new version needs its sha256 where the address stands",
    )


def _kind(part: Path) -> str:
    """What servers answer in place of a file: a page that asks to log in, or says what is wrong."""
    with part.open("rb") as stream:
        return ", a web page" if stream.read(512).lstrip().startswith(b"<") else ""


def _copy(address: str, part: Path, say: Callable[[str], None]) -> str:
    """The SHA-256 of what was copied."""
    source = local_path(address)
    if not source.is_file():
        raise DataError(
            f"no file at {source}, which {address} names", remedy="correct the address, or put it there"
        )
    total = source.stat().st_size
    check_room(part, total)
    with source.open("rb") as stream, part.open("wb") as target:
        return pour(stream.read, target, source.name, total=total, say=say)


def _bring(address: str, part: Path, say: Callable[[str], None], patience: Patience) -> str:
    """Attempt until whole; an attempt that brought something starts the row of pauses again.

    Returns:
        The SHA-256 of the file where one attempt brought all of it, else "".
    """
    from harness.data.over_http import REMEDY, attempt  # TLS and what is behind it cost 25 ms

    idle = 0
    while True:
        before = size_bytes(part)
        try:
            return attempt(address, part, say=say, stall_s=patience.stall_s)
        except Broken as error:
            idle = 0 if size_bytes(part) > before else idle + 1
            if idle > len(patience.pauses_s):
                raise DataError(
                    f"cannot fetch {address}: {error}, {idle} times in a row; "
                    f"{size_bytes(part)} bytes are kept",
                    remedy=REMEDY,
                ) from error
            if error.wait_s > patience.longest_wait_s:
                raise DataError(
                    f"cannot fetch {address}: {error}, and asks to wait {duration(error.wait_s)}",
                    remedy=f"run the same command then, or fetch it by hand and put it at {finished(part)}",
                ) from error
            pause_s = max(patience.pauses_s[max(idle - 1, 0)], error.wait_s)
            say(f"{part.name}: {error}; {size_bytes(part)} bytes so far, trying again in {pause_s:g} s")
            time.sleep(pause_s)
