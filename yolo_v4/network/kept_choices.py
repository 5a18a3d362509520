"""Choices of a number format that were measured on this machine, kept from one training to the next.

Each is a JSON file in a folder of the user's cache, created once: of processes that measure at the same time
the first one's answer counts for all. A file is data: what is not as it was written is measured anew.
"""

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from yolo_v4.files import written_whole

FORMAT = 1
DIGITS = 16  # of the SHA-256 of a key, in a file's name
GAIN = 0.95  # of the time in float32: what is not below is no gain
UTC = "%Y-%m-%dT%H:%M:%SZ"
Key = Mapping[str, Any]  # what was measured, and where; JSON-able; `formats` and `processor` are in it


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptChoice:
    """What was measured: seconds of a pass by format, and the format that was chosen by them."""

    seconds: Mapping[str, float]
    chosen: str
    measured_utc: str


def faster(seconds: Mapping[str, float]) -> str | None:
    """Of fp32 and another format, the faster one by seconds of a pass: fp32 unless the other one gains.

    None where the clock tells nothing: a time is 0, below it, or not a finite number.
    """
    if not all(math.isfinite(each) and each > 0 for each in seconds.values()):
        return None
    best = min(seconds, key=lambda name: seconds[name])
    return best if seconds[best] < GAIN * seconds["fp32"] else "fp32"


def folder() -> Path:
    """Where choices are kept: `yolo_v4/numbers` in $XDG_CACHE_HOME, else in ~/.cache.

    Raises OSError: there is no home.
    """
    told = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(told) if told.startswith("/") else Path.home() / ".cache"  # as the specification has it
    except RuntimeError as error:
        raise OSError(f"no folder for a cache: {error}") from error
    return base / "yolo_v4" / "numbers"


def read(key: Key) -> KeptChoice | None:
    """What was kept for `key`; None where nothing was.

    Raises ValueError: there is a file, and it cannot be understood, or is about something else.
    """
    try:
        text = _path(key).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    kept_key, choice = _parsed(text)
    if kept_key != key:
        raise ValueError("it is about another machine or network")
    return choice


def keep(key: Key, choice: KeptChoice) -> KeptChoice:
    """Keep `choice`, unless another process has kept one meanwhile; returns the one that is kept.

    Raises OSError: nothing can be written there.
    """
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, "key": {**key}, **asdict(choice)}, indent=1) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with written_whole(temporary) as stream:
            stream.write(text.encode())
        _create(temporary, path, key)
    finally:
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(ValueError):
        return read(key) or choice
    return choice


def _create(temporary: Path, path: Path, key: Key) -> None:
    """Give the file its name, unless a sound one has it already."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        with contextlib.suppress(ValueError):
            if read(key):
                return
        temporary.replace(path)  # a damaged one
    except OSError:  # a file system without hard links
        temporary.replace(path)


def every(processor: str) -> Iterator[tuple[Key, KeptChoice]]:
    """All choices that are kept for a processor, sorted by key; files that are not sound are left out."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder().glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                found.append(_parsed(path.read_text(encoding="utf-8")))
    for key, choice in sorted(found, key=lambda one: json.dumps(one[0], sort_keys=True)):
        if key.get("processor") == processor:
            yield key, choice


def now_utc() -> str:
    """The time, as it is kept."""
    return time.strftime(UTC, time.gmtime())


def _parsed(text: str) -> tuple[dict[str, Any], KeptChoice]:
    """Raises ValueError: `text` is no choice that `keep` has written."""
    try:
        table = json.loads(text)
        key, seconds, chosen = table["key"], table["seconds"], table["chosen"]
        is_known = table["format"] == FORMAT and {*seconds} == {*key["formats"]}
        is_sound = is_known and all(type(each) is float for each in seconds.values())
        if not is_sound or chosen != faster(seconds):
            raise ValueError("it is not what was written")
        time.strptime(table["measured_utc"], UTC)
        return key, KeptChoice(seconds=seconds, chosen=chosen, measured_utc=table["measured_utc"])
    except (KeyError, TypeError, AttributeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError("it cannot be understood") from error


def _path(key: Key) -> Path:
    digest = hashlib.sha256(json.dumps({**key}, sort_keys=True).encode()).hexdigest()
    return folder() / f"{digest[:DIGITS]}.json"
