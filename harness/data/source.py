"""An archive or a folder that somebody brings: its files, read within bounds and never written to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harness.data.frames import PICTURES, is_shadow
from harness.data.zip_file import MAX_MEMBER_BYTES, MAX_MEMBERS, is_zip, list_members, open_zip, read_member
from harness.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Files by their path below the archive or folder `path`, sorted; `read` gives the content of one."""

    path: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture of a source with the lines of its label in YOLO's form, "" for no objects."""

    name: str  # in the source
    subset: str
    folder: str  # "" at the top of the subset
    label: str


@dataclass(kw_only=True, slots=True)
class Found:
    """What a source turned out to be; `oddities` are sentences on what was left out or looks wrong."""

    layout: str
    classes: tuple[str, ...]
    pictures: list[Picture]
    oddities: list[str] = field(default_factory=list)


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The files of a zip archive or folder.

    Raises:
        DataError: there is neither at `path`, or it breaks a bound.
    """
    if path.is_dir():
        yield Source(path=path, names=_below(path), read=lambda name: (path / name).read_bytes())
        return
    if not path.is_file():
        raise DataError(f"no archive or folder at {path}", remedy="correct the path")
    if not is_zip(path) and path.suffix.lower() in (".tar", ".gz", ".tgz", ".rar", ".7z", ".bz2", ".xz"):
        raise DataError(f"{path} is no zip archive", remedy="unpack it, and give the folder")
    with open_zip(path) as archive:
        names = sorted(info.filename for info in list_members(archive, path))
        yield Source(path=path, names=tuple(names), read=lambda name: read_member(archive, name, path))


def read_text(source: Source, name: str) -> str:
    """A file as text, without a byte order mark. Raises DataError: it is not UTF-8."""
    try:
        return source.read(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} in {source.path} is not UTF-8: {error}", remedy="convert it, or write it anew"
        ) from error


def pictures_of(source: Source) -> list[str]:
    """Names of the files that are pictures by their ending."""
    return [name for name in source.names if PurePosixPath(name).suffix.lower() in PICTURES]


def _below(folder: Path) -> tuple[str, ...]:
    """Plain files below a folder; links out of it and shadows of macOS are passed over."""
    top, names = folder.resolve(), []
    for file in folder.rglob("*"):
        name = file.relative_to(folder).as_posix()
        if is_shadow(name) or not file.is_file() or not file.resolve().is_relative_to(top):
            continue
        if file.stat().st_size > MAX_MEMBER_BYTES:
            continue  # a video, say
        names.append(name)
        if len(names) > MAX_MEMBERS:
            raise DataError(
                f"{folder} holds more than {MAX_MEMBERS} files",
                remedy="give the folder of the data set alone",
            )
    return tuple(sorted(names))
