"""One attempt to fetch a file over http: resumed after the bytes present, if it is still the same file."""

import email.utils
import functools
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO

from harness.data.partial import Broken, check_room, finished, forget, pour, remember, remembered, size_bytes
from harness.errors import DataError
from harness.settings.address import is_local, is_trusted_way

# With these a server says that trying again may help; every other refusal is final.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
REMEDY = "check the address, the network and https_proxy; the same command resumes"


def attempt(address: str, part: Path, *, say: Callable[[str], None], stall_s: float) -> str:
    """Bring the rest of the file at `address` to `part`.

    A server's validator (ETag, else Last-Modified) is kept beside it, so that a file that changed meanwhile
    starts again from its first byte. Proxies are those of `http_proxy`, `https_proxy` and `no_proxy`.

    Args:
        stall_s: the longest silence.

    Returns:
        The SHA-256 of the file where it came from its first byte on, else "".

    Raises:
        Broken: the connection ended early; the next attempt may go on.
        DataError: the server refuses, cannot be trusted, or the disk is too small.
    """
    have = size_bytes(part)
    response = _open(
        urllib.request.Request(address, headers=_headers(address, part)), stall_s, finished(part)
    )
    if response is None:
        return ""
    with response:
        start = _start(response, part)
        total = None if response.length is None else start + response.length
        check_room(part, (total or start) - start)
        if start < have:
            say(f"{part.name}: the server sends it from the first byte; {have} bytes were of no use")
        elif start:
            say(f"{part.name}: resuming after {start} bytes")
        remember(part, address=address, validator=_validator(response.headers))
        with part.open("r+b" if start else "wb") as target:
            target.seek(start)
            target.truncate()
            read = functools.partial(_read, response)
            sha256 = pour(read, target, part.name, total=total, say=say, start=start)
    if total is not None and size_bytes(part) != total:
        raise Broken(f"the connection ended at {size_bytes(part)} of {total} bytes")
    return "" if start else sha256


def _open(request: urllib.request.Request, stall_s: float, by_hand: Path) -> http.client.HTTPResponse | None:
    """The answer, or None where the server has nothing after the bytes we have."""
    try:
        opener = urllib.request.build_opener(_CarefulRedirects())
        return opener.open(request, timeout=stall_s)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and request.has_header("Range"):
            return None
        reason = f"the server answers {error.code} {error.reason}"
        if error.code in PASSING:
            raise Broken(reason, wait_s=_wait_s(error.headers.get("Retry-After", ""))) from error
        remedy = f"correct the address, or fetch it by hand and put it at {by_hand}"
        raise DataError(f"cannot fetch {request.full_url}: {reason}", remedy=remedy) from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DataError(
                f"cannot trust the server of {request.full_url}: {cause}", remedy=REMEDY
            ) from error
        raise Broken(str(cause) or type(cause).__name__) from error


def _wait_s(retry_after: str) -> float:
    """Seconds that a server asks to wait, from Retry-After: a number or a moment; 0 where it says nothing."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
        return max(0.0, moment.timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _read(response: http.client.HTTPResponse, length: int) -> bytes:
    try:
        return response.read1(length)
    except (OSError, http.client.HTTPException) as error:
        raise Broken(str(error) or type(error).__name__) from error


def _headers(address: str, part: Path) -> dict[str, str]:
    headers = {"User-Agent": "jamcam-harness"}
    if have := size_bytes(part):
        headers["Range"] = f"bytes={have}-"
        if validator := remembered(part, address=address):
            headers["If-Range"] = validator
    return headers


def _start(response: http.client.HTTPResponse, part: Path) -> int:
    """At which byte the body of `response` starts.

    Raises:
        Broken: another place than was asked for; what we had is dropped.
    """
    if response.status != http.client.PARTIAL_CONTENT:
        return 0
    answer = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if answer is None or int(answer[1]) != size_bytes(part):
        forget(part)
        raise Broken("the server resumed at another place than asked for")
    return int(answer[1])


def _validator(headers: Message) -> str:
    tag = headers.get("ETag", "")
    # If-Range takes strong tags only.
    return headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only where the bytes stay safe from others."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        if not is_trusted_way(newurl) or is_local(newurl):
            raise DataError(
                f"{req.full_url} redirects to {newurl}, expected an https address",
                remedy="correct the address",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
