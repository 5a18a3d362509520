"""Records as one file: packed on the machine that measured them, and added to the results of a checkout.

An archive is data that others wrote: it is read within bounds, nothing in it names a place to write to but a
platform and a record, and what it holds must be records that this harness reads, of a machine that fits the
platform's file. An added record says that it was contributed: `contributed.json` lies beside it.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.clock import utc
from harness.errors import ConfigError, DataError
from harness.files import FULL, fsync_folder, make_durable, remove, sha256_file, write_bytes, write_json
from harness.measure.record import Record
from harness.measure.record_files import (
    CONTRIBUTED,
    MICRO,
    PHASES,
    RECORD,
    read_phases,
    read_record,
    read_records,
)
from harness.own_files import command
from harness.settings.platform import load_platform
from harness.text import listing
from probe.samples import SAMPLES, SamplesError, read_samples

MANIFEST = "manifest.json"  # {"format_version": 1, "files": {member: sha256}}
FORMAT_VERSION = 1
FILES = (RECORD, SAMPLES, PHASES, MICRO)
PLATFORM, RECORD_ID = r"[a-z0-9][a-z0-9-]{0,63}", r"\d{8}T\d{6}Z-[a-z-]{1,32}-[0-9a-f]{4}"
MEMBER = re.compile(rf"({PLATFORM})/({RECORD_ID})/({'|'.join(map(re.escape, FILES))})")
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks no more of these than it is asked for
MOST_MEMBERS = 10_000
MOST_BYTES = 64 << 20  # of a file: many times what a day of eight GPUs takes
MOST_TOTAL_BYTES = 1 << 30
MOST_SAMPLES_BYTES = 512 << 20  # of samples, unpacked
ANYWHERE = "local"  # the platform that every machine is, so that its records are of nobody else's machine


def pack(results: Path, platform: str, path: Path) -> tuple[str, ...]:
    """Write every record that was measured as a platform into a zip archive; their ids.

    The same records give the same bytes. Left out: records that were withdrawn, imported, contributed or cut
    short.

    Raises:
        ConfigError: there is none, or the archive is there already.
    """
    own = [
        results / platform / one.id
        for one in read_records(results)[0]
        if one.platform == platform and one.source == "measured" and not one.contributed
        if (results / platform / one.id / RECORD).exists()
    ]
    if not own:
        raise ConfigError(
            f"no record in {results} was measured as {platform}", remedy=command("bench", platform=platform)
        )
    if path.exists():
        raise ConfigError(f"{path} is there already", remedy="name another file, or remove it")
    files = [folder / name for folder in own for name in FILES if (folder / name).exists()]
    contents = {file.relative_to(results).as_posix(): file.read_bytes() for file in files}
    digests = {member: hashlib.sha256(content).hexdigest() for member, content in contents.items()}
    manifest = json.dumps({"format_version": FORMAT_VERSION, "files": digests}, indent=1, sort_keys=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in {MANIFEST: manifest.encode(), **contents}.items():
            archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED)
    write_bytes(path, packed.getvalue())
    return tuple(folder.name for folder in own)


def add(path: Path, results: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Put the records of an archive into `results`; their folders, and those that were there already.

    Everything is checked before the first one is added.

    Raises:
        ConfigError: the archive cannot be read.
        DataError: it is no archive of records, or one of them is not what it should be.
    """
    with tempfile.TemporaryDirectory(prefix="records-") as unpacked:
        digests = _unpack(path, Path(unpacked))
        folders = sorted({Path(member).parent for member in digests})
        if not folders:
            raise _unfit(path, "no record is in it")
        for folder in folders:
            _check(Path(unpacked, folder))
        there = [folder for folder in folders if _is_there(results / folder, folder, digests)]
        source = {"archive": path.name, "archive_sha256": sha256_file(path), "added_utc": utc(time.time())}
        added = [folder for folder in folders if folder not in there]
        for folder in added:
            files = {name: digests[f"{folder}/{name}"] for name in FILES if f"{folder}/{name}" in digests}
            write_json(Path(unpacked, folder, CONTRIBUTED), {**source, "files": files})
            _publish(Path(unpacked, folder), results / folder)
    return tuple(results / folder for folder in added), tuple(results / folder for folder in there)


def _publish(source: Path, target: Path) -> None:
    """Copy a record to its place, where it appears whole; one that another process brought there stays."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copytree(source, aside, dirs_exist_ok=True)
        make_durable(aside)
        aside.rename(target)
        fsync_folder(target.parent)
    except OSError:
        if not (target / RECORD).exists():
            raise
    finally:
        if aside.exists():
            remove(aside)


def _unpack(path: Path, target: Path) -> dict[str, str]:
    """Write the members below `target`, each as the manifest describes it; member -> sha256."""
    try:
        if path.stat().st_size > MOST_TOTAL_BYTES:
            raise _unfit(path, f"it has more than {MOST_TOTAL_BYTES >> 20} MiB")
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            manifest = json.loads(_content(archive, members.pop(MANIFEST), path))
            digests = {str(name): str(digest) for name, digest in manifest["files"].items()}
            if manifest["format_version"] != FORMAT_VERSION or digests.keys() != members.keys():
                raise _unfit(path, f"{MANIFEST} does not name the files that are in it")
            for name, info in members.items():
                content = _content(archive, info, path)
                if hashlib.sha256(content).hexdigest() != digests[name]:
                    raise _unfit(path, f"{name} has not the sha256 that {MANIFEST} says")
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content)
    except OSError as error:
        if error.errno in FULL:  # where it is unpacked
            error.filename = error.filename or str(target)
            raise
        raise ConfigError(
            f"cannot read {path}: {error.strerror or error}", remedy="correct the path"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise _unfit(path, f"{type(error).__name__}: {error}") from error
    except (AttributeError, TypeError) as error:
        raise _unfit(path, f"{MANIFEST} is no table of files") from error
    return digests


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Member -> what the archive declares of it, within bounds."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    odd = [name for name in names if name != MANIFEST and not MEMBER.fullmatch(name)]
    if odd or MANIFEST not in names:
        raise _unfit(path, f"expected {MANIFEST} and files of records, found{listing(odd or names, shown=5)}")
    if len(set(names)) < len(names) or len(names) > MOST_MEMBERS:
        raise _unfit(path, f"it has {len(names)} members, some of one name, or more than {MOST_MEMBERS}")
    sizes_bytes = [info.file_size for info in infos]
    if max(sizes_bytes) > MOST_BYTES or sum(sizes_bytes) > MOST_TOTAL_BYTES:
        raise _unfit(path, f"more than {MOST_BYTES >> 20} MiB in a file, or {MOST_TOTAL_BYTES >> 20} in all")
    if any(info.flag_bits & 1 or info.compress_type not in BOUNDED for info in infos):
        raise _unfit(path, "a member is encrypted, or compressed otherwise than by Deflate")
    return {info.filename: info for info in infos}


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    with archive.open(info) as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) != info.file_size:
        raise _unfit(path, f"{info.filename} has not the size that is declared")
    return content


def _check(folder: Path) -> None:
    """Raise DataError unless the folder holds a record that this harness shows, of that platform."""
    name = f"{folder.parent.name}/{folder.name}"
    if not (folder / RECORD).exists():
        raise _unfit(name, f"it has no {RECORD}")
    try:
        record = read_record(folder)
        _check_samples(folder / SAMPLES)
        read_samples(folder)
        read_phases(folder)
        texts = {
            name: (folder / name).read_text("utf-8") for name in (PHASES, MICRO) if (folder / name).exists()
        }
        json.loads(texts.get(MICRO, "{}"))
    except DataError as error:
        raise _unfit(name, error.message.replace(f"{folder}/", "")) from error
    except (SamplesError, RecursionError, UnicodeError, ValueError) as error:
        raise _unfit(name, f"{type(error).__name__}: {error}".replace(f"{folder}/", "")) from error
    if wrong := [*_strangeness(record)]:
        raise _unfit(name, f"it is not of the platform {record.platform}:{listing(wrong)}")


def _check_samples(path: Path) -> None:
    """Raise ValueError where samples would fill the memory."""
    unpacked_bytes, packed = 0, path.read_bytes() if path.exists() else b""
    while packed:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        while packed and not member.eof:
            unpacked_bytes += len(member.decompress(packed, 1 << 20))
            packed = member.unconsumed_tail
            if unpacked_bytes > MOST_SAMPLES_BYTES:
                raise ValueError(f"{path.name} holds more than {MOST_SAMPLES_BYTES >> 20} MiB")
        packed = member.unused_data


def _strangeness(record: Record) -> Iterator[str]:
    """What speaks against the record being measured on its platform, in words."""
    if record.platform == ANYWHERE:
        yield f"{ANYWHERE} is any machine: bench under a name of your own in specs/platforms"
        return
    try:
        wanted = load_platform(record.platform)
    except ConfigError as error:
        yield f"{error.message}: send its file in specs/platforms first"
        return
    if record.source != "measured" or record.machine is None:
        yield "it was imported: send the log itself"
        return
    models = sorted({gpu.name for gpu in record.machine.gpus})
    if wanted.gpu_model and not any(wanted.gpu_model in model for model in models):
        yield f"expected a GPU called {wanted.gpu_model}, found {', '.join(models) or 'none'}"
    if wanted.scheduler == "slurm" and not any(name.startswith("SLURM_") for name in record.environment):
        yield "expected a job of slurm, found none"


def _is_there(folder: Path, name: Path, digests: Mapping[str, str]) -> bool:
    """Whether the same record is there already; another one of that name is refused."""
    if not folder.exists():
        return False
    here = {file: sha256_file(folder / file) for file in FILES if (folder / file).exists()}
    if here != {file: digests[f"{name}/{file}"] for file in FILES if f"{name}/{file}" in digests}:
        raise _unfit(str(name), f"another record of that name is in {folder}")
    return True


def _unfit(what: Path | str, found: str) -> DataError:
    return DataError(
        f"{what} cannot be added: {found}",
        remedy="ask its sender to pack it again: jamcam records pack --platform=NAME",
    )
