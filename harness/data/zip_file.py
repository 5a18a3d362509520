"""A zip archive read within bounds: only plain members, and of each no more than it declares."""

import copy
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from harness.data.frames import is_shadow
from harness.errors import DataError
from harness.text import shown

MAX_MEMBERS = 1_000_000
MAX_TOTAL_BYTES = 64 << 30
MAX_MEMBER_BYTES = 1 << 30
# Deflate reaches 1032; text labels reach 20. Small members may repeat themselves as they like.
MAX_RATIO = 100
SMALL_BYTES = 1 << 20
# Of these alone zipfile inflates no more than it is asked for; the others fill the memory from a few bytes.
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
OTHER_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}


def is_zip(path: Path) -> bool:
    """Whether `path` is a zip archive."""
    return zipfile.is_zipfile(path)


def extract_one(path: Path, name: str, target: Path) -> None:
    """Write the one member called `name`, in whatever folder of the archive, to `target`.

    Raises:
        DataError: there is none, there are several, or the archive breaks a bound.
    """
    with open_zip(path) as archive:
        found = [
            info.filename for info in list_members(archive, path) if PurePosixPath(info.filename).name == name
        ]
        if len(found) != 1:
            raise unfit(path, f"{len(found)} files {name}", "exactly one")
        target.write_bytes(read_member(archive, found[0], path))


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`. Raises DataError: it is none, or not a whole one."""
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise unfit(path, _what_else(path) or str(error), "a whole zip archive") from error
    with opened as archive:
        _with_slashes(archive)
        yield archive


def _with_slashes(archive: zipfile.ZipFile) -> None:
    """Names as the format demands them: some programs for Windows write backslashes between folders."""
    for info in archive.infolist():
        if "\\" in info.filename:
            archive.NameToInfo.pop(info.filename, None)
            info.filename = info.filename.replace("\\", "/")
            archive.NameToInfo[info.filename] = info


def _what_else(path: Path) -> str:
    """What a file that is no zip archive looks like, or "" where its directory can be read."""
    if zipfile.is_zipfile(path):
        return ""
    with path.open("rb") as stream:
        start = stream.read(512).lstrip()
    size = f"{path.stat().st_size} bytes"
    if not start:
        return "an empty file"
    if start.startswith(b"PK\x03\x04"):
        return f"a truncated zip archive ({size}; the directory at its end is missing)"
    if start.startswith(b"<"):
        return f"a web page ({size})"
    return f"something else ({size}, starting with {start[:8]!r})"


def list_members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """The files of an archive. Raises DataError: one that breaks a bound."""
    found = [info for info in archive.infolist() if not _is_folder(info) and not is_shadow(info.filename)]
    _check_bounds(path, found)
    return found


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # its own method fails where a damaged archive has an empty name


def _check_bounds(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise unfit(path, f"{len(members)} members", f"{MAX_MEMBERS} at most")
    total_bytes = sum(info.file_size for info in members)
    if total_bytes > MAX_TOTAL_BYTES:
        raise unfit(path, f"{total_bytes} bytes when unpacked", f"{MAX_TOTAL_BYTES} at most")
    name, times = max(
        Counter(info.filename for info in members).items(), key=lambda item: item[1], default=("", 0)
    )
    if times > 1:
        raise unfit(path, f"{name} {times} times", "each name once")
    for info in members:
        if complaint := _complaint(info):
            raise unfit(
                path,
                f"{info.filename!r}, {complaint}",
                "plain files with relative paths",
            )
        if oddity := _oddity(info):
            raise unfit(
                path,
                f"{info.filename!r}, {oddity}",
                "plain names, and Deflate or no compression",
                remedy=f"unpack {path} with the program that made it, and pack the files again, "
                "as with zip -r",
            )


def _complaint(info: zipfile.ZipInfo) -> str:
    """What is wrong with a member, or ""."""
    name = info.filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    folders = name.split("/")
    if not folders[0] or ":" in folders[0] or ".." in folders:
        return "a path that leaves the archive's folder"
    if kind not in (0, stat.S_IFREG):
        return "a link or device"
    if info.header_offset < 0:
        return "an entry that begins before the archive, which lost some bytes"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"{info.file_size} bytes when unpacked"
    if info.file_size > SMALL_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        return f"{info.compress_size} bytes that unpack to {info.file_size}"
    return ""


def _oddity(info: zipfile.ZipInfo) -> str:
    """What some programs do to an honest member that is not read here, or ""."""
    if shown(info.filename) != info.filename or "\n" in info.filename:
        return "a name with control characters"
    if info.compress_type not in BOUNDED:
        return f"compressed with {OTHER_METHODS.get(info.compress_type, f'method {info.compress_type}')}"
    return ""


def read_member(archive: zipfile.ZipFile, member: str, path: Path) -> bytes:
    """A member's content; one that is larger than it declares is read no further than one byte more."""
    declared_bytes = archive.getinfo(member).file_size
    info = copy.copy(archive.getinfo(member))
    info.file_size = (
        MAX_TOTAL_BYTES  # zipfile cuts off at this size without a word: let the member end by itself
    )
    try:
        with archive.open(info) as stream:
            content = stream.read(declared_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise unfit(path, f"{member}, damaged: {error}", "content that fits its checksum") from error
    if len(content) != declared_bytes:
        more = "more" if len(content) > declared_bytes else "less"
        raise unfit(
            path, f"{member}, which holds {more} than it declares", f"the declared {declared_bytes} bytes"
        )
    return content


def read_text(archive: zipfile.ZipFile, member: str, path: Path) -> str:
    """A member as UTF-8. Raises DataError: it is not, or as `read_member`."""
    try:
        return read_member(archive, member, path).decode()
    except UnicodeDecodeError as error:
        raise unfit(path, f"{member}, not UTF-8: {error}", "class names, one a line") from error


def unfit(path: Path, found: str, expected: str, *, remedy: str = "") -> DataError:
    """What is wrong with the archive at `path`, for somebody to raise."""
    return DataError(
        f"archive {path.name}: found {found}; expected {expected}",
        remedy=remedy or "correct the archive at its source, or give another one",
    )
