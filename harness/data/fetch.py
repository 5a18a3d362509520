"""Fetch one file: resumed where it broke off, checked by size and sha256 before anybody may use it."""

import http.client
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO

from harness.errors import DataError
from harness.files import CHUNK_BYTES, read_json, sha256_file, write_json
from harness.progress import Progress
from harness.settings.address import check_address, is_local, is_trusted_way
from harness.settings.dataset import local_path

# With these a server says that trying again may help; every other refusal is final.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
SPARE_BYTES = 64 << 20
REMEDY = "check the address, the network and https_proxy; the same command resumes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to put up with a bad connection.

    `pauses_s` lies before each new attempt in a row that brought nothing, `stall_s` is the longest silence.
    """

    pauses_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
    stall_s: float = 30.0


class _Broken(Exception):
    """This attempt ended early; the next one resumes."""


def fetch(
    address: str, part: Path, *, sha256: str, say: Callable[[str], None], patience: Patience | None = None
) -> None:
    """Bring the file at `address` to `part`, which survives kills and is resumed by the next call.

    A server's validator (ETag, else Last-Modified) is kept beside it as `<part>.json`, so that a file that changed
    meanwhile starts again from its first byte. Proxies are those of `http_proxy`, `https_proxy` and `no_proxy`.

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
            _copy(address, part, say)
        else:
            _bring(address, part, say, patience or Patience())
        found, size_bytes = sha256_file(part), _size(part)
        if sha256 in ("", found):
            return
        forget(part)
        if resumed:
            say(f"{part.name}: what was resumed does not have the expected sha256; fetching it anew")
    raise DataError(
        f"{address} has sha256 {found} ({size_bytes} bytes), expected {sha256}; it was thrown away",
        remedy="find out which of the two is right; a new version needs its sha256 where the address stands",
    )


def forget(part: Path) -> None:
    """Remove a partial download and what is remembered of it."""
    part.unlink(missing_ok=True)
    _memory(part).unlink(missing_ok=True)


def _copy(address: str, part: Path, say: Callable[[str], None]) -> None:
    source = local_path(address)
    if not source.is_file():
        raise DataError(f"no file at {source}, which {address} names", remedy="correct the address, or put it there")
    size_bytes = source.stat().st_size
    _check_room(part, size_bytes)
    with source.open("rb") as stream, part.open("wb") as target:
        _pour(stream.read, target, Progress(source.name, size_bytes, unit="B", say=say))


def _bring(address: str, part: Path, say: Callable[[str], None], patience: Patience) -> None:
    """Attempt until whole; an attempt that brought something starts the row of pauses again."""
    idle = 0
    while True:
        before = _size(part)
        try:
            return _attempt(address, part, say, patience.stall_s)
        except _Broken as error:
            idle = 0 if _size(part) > before else idle + 1
            if idle > len(patience.pauses_s):
                raise DataError(
                    f"cannot fetch {address}: {error}, {idle} times in a row; {_size(part)} bytes are kept",
                    remedy=REMEDY,
                ) from error
            pause_s = patience.pauses_s[max(idle - 1, 0)]
            say(f"{part.name}: {error}; {_size(part)} bytes so far, trying again in {pause_s:g} s")
            time.sleep(pause_s)


def _attempt(address: str, part: Path, say: Callable[[str], None], stall_s: float) -> None:
    have = _size(part)
    response = _open(urllib.request.Request(address, headers=_headers(address, part)), stall_s)
    if response is None:
        return
    with response:
        start = _start(response, part)
        total = None if response.length is None else start + response.length
        _check_room(part, (total or start) - start)
        if start < have:
            say(f"{part.name}: the server sends it from the first byte; {have} bytes were of no use")
        elif start:
            say(f"{part.name}: resuming after {start} bytes")
        _memorise(address, part, response.headers)
        with part.open("r+b" if start else "wb") as target:
            target.seek(start)
            target.truncate()
            progress = Progress(part.name, total, unit="B", say=say, start=start)
            _pour(lambda size: _read(response, size), target, progress)
    if total is not None and _size(part) != total:
        raise _Broken(f"the connection ended at {_size(part)} of {total} bytes")


def _open(request: urllib.request.Request, stall_s: float) -> http.client.HTTPResponse | None:
    """The answer, or None where the server has nothing after the bytes we have."""
    try:
        return urllib.request.build_opener(_CarefulRedirects()).open(request, timeout=stall_s)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            return None
        reason = f"the server answers {error.code} {error.reason}"
        if error.code in PASSING:
            raise _Broken(reason) from error
        raise DataError(f"cannot fetch {request.full_url}: {reason}", remedy=REMEDY) from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DataError(f"cannot trust the server of {request.full_url}: {cause}", remedy=REMEDY) from error
        raise _Broken(str(cause) or type(cause).__name__) from error


def _read(response: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return response.read1(size)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _pour(read: Callable[[int], bytes], target: IO[bytes], progress: Progress) -> None:
    with progress:
        while chunk := read(CHUNK_BYTES):
            target.write(chunk)
            progress.advance(len(chunk))


def _headers(address: str, part: Path) -> dict[str, str]:
    headers = {"User-Agent": "jamcam-harness"}
    if have := _size(part):
        headers["Range"] = f"bytes={have}-"
        memory = read_json(_memory(part))
        if memory.get("address") == address and memory.get("validator"):
            headers["If-Range"] = memory["validator"]
    return headers


def _start(response: http.client.HTTPResponse, part: Path) -> int:
    """At which byte the body of `response` starts.

    Raises:
        _Broken: another place than was asked for; what we had is dropped.
    """
    if response.status != http.client.PARTIAL_CONTENT:
        return 0
    answer = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if answer is None or int(answer[1]) != _size(part):
        forget(part)
        raise _Broken("the server resumed at another place than asked for")
    return int(answer[1])


def _memorise(address: str, part: Path, headers: Message) -> None:
    tag = headers.get("ETag", "")
    # If-Range takes strong tags only.
    validator = headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
    write_json(_memory(part), {"address": address, "validator": validator})


def _memory(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check_room(part: Path, missing_bytes: int) -> None:
    free_bytes = shutil.disk_usage(part.parent).free
    if free_bytes < missing_bytes + SPARE_BYTES:
        raise DataError(
            f"{part.name} needs {missing_bytes / 1e6:.0f} MB more, {free_bytes / 1e6:.0f} MB are free in {part.parent}",
            remedy="make room, or choose another WORKSPACE",
        )


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only where the bytes stay safe from others."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        if not is_trusted_way(newurl) or is_local(newurl):
            raise DataError(
                f"{req.full_url} redirects to {newurl}, expected an https address", remedy="correct the address"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
