"""Read a data set's zip archive within bounds: only the wanted members, to paths that we choose."""

import copy
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.data.frames import Frame, Pairing, is_data_folder, pair_members
from harness.errors import DataError
from harness.progress import Progress
from harness.text import shown

NAMES = "obj.names"
MAX_MEMBERS = 1_000_000
MAX_TOTAL_BYTES = 64 << 30
MAX_MEMBER_BYTES = 1 << 30
# Deflate reaches 1032; text labels reach 20. Small members may repeat themselves as they like.
MAX_RATIO = 100
SMALL_BYTES = 1 << 20
# Of these alone zipfile inflates no more than it is asked for; the others fill the memory from a few bytes.
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
OTHER_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What an archive offers: its class names in order, and its frames."""

    classes: tuple[str, ...]
    pairing: Pairing


def read_contents(path: Path) -> Contents:
    """Read a CVAT "YOLO 1.1" export: `obj.names` and `obj_…_data/`, at the top or together in one folder.

    Raises:
        DataError: not a zip archive, a truncated one, one that breaks a bound, or one without class names or
            frames.
    """
    with _opened(path) as archive:
        members = _members(archive, path)
        names = [info.filename for info in members if PurePosixPath(info.filename).name == NAMES]
        if len(names) != 1:
            raise _unfit(
                path, f"{len(names)} files {NAMES} ({', '.join(names)})", "exactly one, beside obj_train_data"
            )
        top = names[0][: -len(NAMES)]
        below = [info.filename for info in members if _is_below_data(info.filename, top)]
        classes = tuple(line.strip() for line in _text(archive, names[0], path).splitlines() if line.strip())
    if not classes:
        raise _unfit(path, f"no class name in {names[0]}", "one a line")
    pairing = pair_members(below)
    if not pairing.frames:
        raise _unfit(
            path,
            f"no picture with a label below {top}obj_…_data",
            "pictures .jpg, each with a .txt beside it",
        )
    return Contents(classes=classes, pairing=pairing)


def unpack(
    path: Path, frames: Sequence[Frame], *, images: Path, labels: Path, say: Callable[[str], None]
) -> None:
    """Write the picture and label of each frame as `<stem>.jpg` and `<stem>.txt` into two folders.

    Raises:
        DataError: a member's content does not have its checksum, or the disk is too small.
    """
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    with _opened(path) as archive:
        needed_bytes = sum(archive.getinfo(name).file_size for f in frames for name in (f.picture, f.label))
        free_bytes = shutil.disk_usage(images).free
        if free_bytes < needed_bytes:
            raise DataError(
                f"{path.name} unpacks to {needed_bytes / 1e6:.0f} MB, "
                f"{free_bytes / 1e6:.0f} MB are free in {images}",
                remedy="make room, or choose another WORKSPACE",
            )
        with Progress(f"unpacking {path.name}", len(frames), unit="frames", say=say) as progress:
            for frame in frames:
                (images / f"{frame.stem}.jpg").write_bytes(_content(archive, frame.picture, path))
                (labels / f"{frame.stem}.txt").write_bytes(_content(archive, frame.label, path))
                progress.advance()


def is_zip(path: Path) -> bool:
    """Whether `path` is a zip archive."""
    return zipfile.is_zipfile(path)


def extract_one(path: Path, name: str, target: Path) -> None:
    """Write the one member called `name`, in whatever folder of the archive, to `target`.

    Raises:
        DataError: there is none, there are several, or the archive breaks a bound.
    """
    with _opened(path) as archive:
        found = [
            info.filename for info in _members(archive, path) if PurePosixPath(info.filename).name == name
        ]
        if len(found) != 1:
            raise _unfit(path, f"{len(found)} files {name}", "exactly one")
        target.write_bytes(_content(archive, found[0], path))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise _unfit(path, _what_else(path) or str(error), "a whole zip archive") from error


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


def _members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    members = [info for info in archive.infolist() if not info.is_dir() and not _is_junk(info.filename)]
    _check_bounds(path, members)
    return members


def _check_bounds(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise _unfit(path, f"{len(members)} members", f"{MAX_MEMBERS} at most")
    total_bytes = sum(info.file_size for info in members)
    if total_bytes > MAX_TOTAL_BYTES:
        raise _unfit(path, f"{total_bytes} bytes when unpacked", f"{MAX_TOTAL_BYTES} at most")
    name, times = max(
        Counter(info.filename for info in members).items(), key=lambda item: item[1], default=("", 0)
    )
    if times > 1:
        raise _unfit(path, f"{name} {times} times", "each name once")
    for info in members:
        if complaint := _complaint(info):
            raise _unfit(
                path,
                f"{info.filename!r}, {complaint}",
                "plain files with relative paths, as CVAT writes them",
            )
        if oddity := _oddity(info):
            raise _unfit(
                path,
                f"{info.filename!r}, {oddity}",
                "names with / and Deflate, or no compression",
                remedy=f"unpack {path} with the program that made it, and pack the files again, "
                "as with zip -r",
            )


def _complaint(info: zipfile.ZipInfo) -> str:
    """What is wrong with a member, or ""."""
    name = info.filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    folders = name.replace("\\", "/").split("/")
    if not folders[0] or ":" in folders[0] or ".." in folders:
        return "a path that leaves the archive's folder"
    if kind not in (0, stat.S_IFREG):
        return "a link or device"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"{info.file_size} bytes when unpacked"
    if info.file_size > SMALL_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        return f"{info.compress_size} bytes that unpack to {info.file_size}"
    return ""


def _oddity(info: zipfile.ZipInfo) -> str:
    """What some programs do to an honest member that is not read here, or ""."""
    if "\\" in info.filename:
        return "a name with backslashes, as some programs for Windows write it"
    if shown(info.filename) != info.filename or "\n" in info.filename:
        return "a name with control characters"
    if info.compress_type not in BOUNDED:
        return f"compressed with {OTHER_METHODS.get(info.compress_type, f'method {info.compress_type}')}"
    return ""


def _content(archive: zipfile.ZipFile, member: str, path: Path) -> bytes:
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
        raise _unfit(path, f"{member}, damaged: {error}", "content that fits its checksum") from error
    if len(content) != declared_bytes:
        more = "more" if len(content) > declared_bytes else "less"
        raise _unfit(
            path, f"{member}, which holds {more} than it declares", f"the declared {declared_bytes} bytes"
        )
    return content


def _text(archive: zipfile.ZipFile, member: str, path: Path) -> str:
    try:
        return _content(archive, member, path).decode()
    except UnicodeDecodeError as error:
        raise _unfit(path, f"{member}, not UTF-8: {error}", "class names, one a line") from error


def _is_below_data(member: str, top: str) -> bool:
    return member.startswith(top) and is_data_folder(member[len(top) :].split("/")[0])


def _is_junk(member: str) -> bool:
    """Whether macOS added it: a shadow of another file."""
    return member.startswith("__MACOSX/")


def _unfit(path: Path, found: str, expected: str, *, remedy: str = "") -> DataError:
    return DataError(
        f"archive {path.name}: found {found}; expected {expected}",
        remedy=remedy or f"remove {path} and fetch it again, or give another archive",
    )
