"""Files that are whole or absent: write aside, fsync, rename; digests and sizes of files and folders."""

import contextlib
import errno
import functools
import hashlib
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

CHUNK_BYTES = 1 << 20
SIDE_BY_SIDE = 8  # files that are hashed and written to disk at a time
FULL = (errno.ENOSPC, errno.EDQUOT)  # what a full disk answers
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # what file systems without hard links answer
OTHERS_READ = 0o644  # several people may share a workspace: for what holds no secret
AT_FDCWD, RENAME_NOREPLACE = -100, 1  # of renameat2(2), in linux/fcntl.h and linux/fs.h
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What a file or folder holds.

    `sha256` of a folder is that of its sorted lines `<sha256 of file>  <relative path>`;
    `files` of a file is 1.
    """

    bytes: int
    files: int
    sha256: str


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Write `content` so that `path`, whose folder is made, is either as before or complete.

    Args:
        durable: also after a power cut. What is of no use then need not wait for the disk.
    """
    aside = _aside(path)
    try:
        _write(aside, content, mode=mode, durable=durable)
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
    if durable:
        fsync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """`write_bytes` for JSON: sorted keys, two blanks, one newline at the end, no NaN."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_bytes(path, text.encode(), durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON table in a file; empty where there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, RecursionError):  # the last of very deep nesting
        table = json.loads(path.read_text())
        return table if isinstance(table, dict) else {}
    return {}


def create_once(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Create `path` with `content`, whole at its first appearance.

    Raises:
        FileExistsError: somebody else was first.
    """
    aside = _aside(path)
    try:
        _write(aside, content, mode=mode, durable=True)
        # link(2) fails when the name exists; unlike O_EXCL it never shows a half-written file, also on NFS.
        os.link(aside, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if not _rename_once(aside, path):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(content)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
    fsync_folder(path.parent)


def _rename_once(source: Path, target: Path) -> bool:
    """Rename `source` where nothing is called `target`; whether this file system can do so, as FAT does.

    Raises:
        FileExistsError: something is called `target`.
    """
    import ctypes  # Python has no call for renameat2(2)

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None or sys.platform != "linux":
        return False
    if rename(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), RENAME_NOREPLACE) == 0:
        return True
    if ctypes.get_errno() == errno.EEXIST:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    return False


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; a file system that cannot is left alone."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
    """Give `source` a second name, or a copy where hard links fail (another file system, FAT)."""
    try:
        _in_folder(lambda: os.link(source, target), target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        import shutil  # rarely needed, as elsewhere in this file

        shutil.copyfile(source, target)


def publish(source: Path, target: Path) -> None:
    """Put `source` (file or folder) in the place of `target` by rename, durable before it is seen."""
    make_durable(source)
    replace(source, target)


def make_durable(source: Path) -> None:
    """Have the content of a file, or of all files below a folder, on disk when this returns."""
    _each(_fsync_file, [source] if source.is_file() else _files_below(source))


def replace(source: Path, target: Path) -> None:
    """Put `source` (file or folder), which is durable, in the place of `target` by rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        # A folder cannot be renamed over a full one: the old one is moved first; a kill in between
        # leaves no target.
        aside = target.with_name(f".{target.name}.old")
        remove(aside)
        target.rename(aside)
        source.rename(target)
        remove(aside)
    else:
        source.replace(target)
    fsync_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file, link or folder; absent is fine."""
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256_file(path: Path, *, durable: bool = False) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Args:
        durable: have the content on disk, too, when this returns.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        buffer = memoryview(bytearray(min(CHUNK_BYTES, os.fstat(stream.fileno()).st_size + 1)))
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
        if durable:
            os.fsync(stream.fileno())
    return digest.hexdigest()


def digest_path(path: Path) -> Digest:
    """Digest of a file or of a folder with everything below it.

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    return digest_paths([path])[0]


def digest_paths(paths: Sequence[Path], *, durable: bool = False) -> list[Digest]:
    """Digests of several files or folders.

    Args:
        durable: have all contents on disk, too, when this returns: one reading serves both.

    Raises:
        FileNotFoundError: there is nothing at one of `paths`.
    """
    groups = [_files_below(path) if path.is_dir() else [path] for path in paths]
    every = [file for group in groups for file in group]
    facts = iter(_each(functools.partial(_facts, durable=durable), every))
    pairs = zip(paths, groups, strict=True)
    return [_digest(path, dict(zip(group, facts, strict=False))) for path, group in pairs]


def size_path(path: Path) -> tuple[int, int] | None:
    """(bytes, files) of a file or folder without reading contents, or None where there is nothing."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        facts = path.stat()
        if not stat.S_ISDIR(facts.st_mode):
            return facts.st_size, 1
        sizes = [entry.stat().st_size for entry in _entries_below(os.fspath(path))]
        return sum(sizes), len(sizes)
    return None


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _write(path: Path, content: bytes, *, mode: int, durable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with open(_in_folder(lambda: os.open(path, flags, mode), path), "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
    except OSError as error:
        error.filename = error.filename or os.fspath(path.parent)  # a full disk does not say which it is
        raise


def _in_folder(make: Callable[[], T], path: Path) -> T:
    """Make `path`, and the folder that it is in where that is missing."""
    try:
        return make()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return make()


def _each(work: Callable[[Path], T], files: Sequence[Path]) -> list[T]:
    """Do `work` for every file, several at a time.

    Side by side the waits for the disk share the file system's commits, five times faster for a thousand
    frames; and while one file is hashed another one is written.
    """
    threads = min(SIDE_BY_SIDE, len(files))
    if threads < 2:
        return [work(file) for file in files]
    from concurrent.futures import ThreadPoolExecutor  # 3 ms, which a run that does nothing can do without

    results: list[T] = [None] * len(files)  # type: ignore[list-item]
    with ThreadPoolExecutor(threads) as pool:
        # A thread takes every eighth file: to hand over each one by itself costs more than to hash a label.
        shares = pool.map(lambda start: [work(file) for file in files[start::threads]], range(threads))
        for start, share in enumerate(shares):
            results[start::threads] = share
    return results


def _facts(file: Path, *, durable: bool) -> tuple[int, str]:
    """Size and SHA-256."""
    return file.stat().st_size, sha256_file(file, durable=durable)


def _digest(path: Path, facts: Mapping[Path, tuple[int, str]]) -> Digest:
    """The digest of `path`, given the facts of the files below it, or of itself."""
    lines = [f"{sha256}  {file.relative_to(path).as_posix()}\n" for file, (_, sha256) in facts.items()]
    sha256 = facts[path][1] if path in facts else hashlib.sha256("".join(lines).encode()).hexdigest()
    return Digest(bytes=sum(size for size, _ in facts.values()), files=len(facts), sha256=sha256)


def _fsync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _files_below(folder: Path) -> list[Path]:
    return sorted(Path(entry.path) for entry in _entries_below(os.fspath(folder)))


def _entries_below(folder: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries_below(entry.path)
            else:
                yield entry
