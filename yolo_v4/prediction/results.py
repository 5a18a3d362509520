"""The folder of results, and the journal in it of what is done, from which an interrupted run goes on.

`.predict/settings.json` says what decides the results; what was begun with other settings is not mixed with.
`.predict/journal.jsonl` gets a line for each picture and frame once its files are there. Whoever kills the
program can cut off the last line only, which is dropped. A line counts as long as the picture is as it was
and its files have the sizes that the line tells, so after a power cut what the disk lost is made again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from yolo_v4.errors import DetectorError
from yolo_v4.files import written_whole
from yolo_v4.prediction.inputs import OWN_FOLDER, Item
from yolo_v4.status import FILE_NAME

SETTINGS, JOURNAL = "settings.json", "journal.jsonl"
PICTURE = -1  # in place of a frame's number
CLIP = -2  # of the line that a whole video leaves
ELSEWHERE = "give another folder, or remove this one"
Entry = dict[str, Any]


def claim(folder: Path, sources: Mapping[str, Path]) -> Path:
    """Make `folder` one of results, and return it without links on the way.

    Raises DetectorError: it has files of others, or the sources are in it.
    """
    folder = folder.absolute()
    real = folder.resolve()
    for path in sources.values():
        if real in (path, *path.parents):
            raise DetectorError(
                f"{path} is in the folder for results, {folder}", remedy="give another folder"
            )
    own = real / OWN_FOLDER
    if real.is_dir() and not own.is_dir() and any(real.iterdir()):
        raise DetectorError(
            f"{folder} has files in it that are no results of predict; nothing is written between them",
            remedy="give a new folder, or an empty one",
        )
    for place in (own, real / "annotated", real / "labels", real / FILE_NAME, own / JOURNAL):
        # The last two are written to as they are, so that another name of theirs would change as well.
        if place.is_symlink() or (place.is_file() and place.stat().st_nlink > 1):
            raise DetectorError(
                f"{place} is a link, and results would be written where it leads", remedy=ELSEWHERE
            )
    own.mkdir(parents=True, exist_ok=True)
    return real


class Results:
    """The journal of a claimed folder, open for this process alone; a context manager."""

    def __init__(self, folder: Path, settings: Entry) -> None:
        """Begin, or go on with what is there.

        Raises DetectorError: another process is at work here, or what is there was made with other settings.
        """
        self.folder = folder
        self._file = _locked(folder / OWN_FOLDER / JOURNAL)
        self._offsets: dict[str, dict[int, int]] = {}
        try:
            before = noted_settings(folder)
            if before:
                _require_equal(before, settings, folder)
                self._read()
            else:  # also where the disk lost them: nobody knows then what the journal is of
                self._file.truncate(0)
                with written_whole(folder / OWN_FOLDER / SETTINGS) as stream:
                    stream.write(json.dumps(settings, indent=2).encode() + b"\n")
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, item: Item, number: int, entry: Entry) -> None:
        """Note a picture (`PICTURE`), a frame, or a whole video (`CLIP`).

        `entry` has `source`, the `fingerprint` of the file before it was read, and `files`: the size in bytes
        of each file that was written, by its path in the folder.
        """
        offset = self._file.seek(0, os.SEEK_END)
        line = json.dumps({"name": item.name, "number": number, **entry}, separators=(",", ":"))
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        self._offsets.setdefault(item.name, {})[number] = offset

    def done(self, item: Item, number: int) -> Entry | None:
        """What is noted, if the picture or video is as it was and the files are there in their sizes."""
        offset = self._offsets.get(item.name, {}).get(number)
        if offset is None:
            return None
        self._file.seek(offset)
        entry: Entry = json.loads(self._file.readline())
        is_whole = all(_size(self.folder / path) == size for path, size in entry["files"].items())
        return entry if is_whole and entry["source"] == fingerprint(item.path) else None

    def entries(self, item: Item) -> Iterator[Entry]:
        """What is noted of a picture, or of each frame of a video in their order."""
        for number in sorted(self._offsets.get(item.name, {})):
            if number != CLIP and (entry := self.done(item, number)):
                yield entry

    def _read(self) -> None:
        offset = 0
        for line in self._file:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else {}
                self._offsets.setdefault(entry["name"], {})[entry["number"]] = offset
            except (ValueError, KeyError, TypeError):
                break  # cut off
            offset += len(line)
        self._file.truncate(offset)


def _locked(path: Path) -> BinaryIO:
    stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644), "r+b")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise DetectorError(
            f"another predict is at work in {path.parent.parent}",
            remedy="wait for it, or give another folder",
        ) from error
    except OSError:
        pass  # some cluster file systems have no locks
    return stream


def noted_settings(folder: Path) -> Entry:
    """The settings that the results in a folder were made with; empty where there are none yet."""
    with suppress(OSError, ValueError, RecursionError):
        settings = json.loads((folder / OWN_FOLDER / SETTINGS).read_bytes())
        return settings if isinstance(settings, dict) else {}
    return {}


def _require_equal(before: Entry, now: Entry, folder: Path) -> None:
    differing = [
        f"{name}: {_shown(before.get(name))} before, {_shown(value)} now"
        for name, value in now.items()
        if before.get(name) != value
    ]
    if differing:
        raise DetectorError(
            f"the results in {folder} were made with other settings, and are not mixed:\n  "
            + "\n  ".join(differing),
            remedy=ELSEWHERE,
        )


def _shown(value: Any, longest: int = 200) -> str:
    text = ", ".join(value.values()) if isinstance(value, dict) else str(value)
    return text if len(text) <= longest else f"{text[:longest]}…"


def fingerprint(path: Path) -> list[int]:
    """What tells whether a file is as it was: its size and time of change; empty where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _size(path: Path) -> int | None:
    with suppress(OSError):
        return path.lstat().st_size
    return None
