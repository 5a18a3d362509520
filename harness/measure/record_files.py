"""Records in `results/<platform>/<record id>/`: begun, filled run by run, closed once; and read back.

What is known before the first run is in `begun.json`, and `runs.jsonl` has a line for each finished run. When the case
is over, `record.json` is written from both, once, and they go; a folder without it is of a case that was cut short.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, DataError
from harness.files import create_once, remove, write_bytes
from harness.measure.record import SCHEMA_VERSION, STATUSES, Record, Run
from harness.settings.declared import read_toml
from harness.settings.table import from_table

SAMPLES, PHASES, MICRO = "samples.csv.gz", "phases.jsonl", "micro.json"
FAULTS = "sampler.log"  # what the sampler said; in record.json in the end
NO_RECORDS = {"plots"}


def begin(results: Path, record: Record) -> Path:
    """Make the folder of a record; until it is closed it reads as truncated."""
    folder = results / record.platform / record.id
    aside = folder.with_name(f".{record.id}")
    create_once(aside / "begun.json", _json(asdict(record)), mode=0o644)
    return aside.rename(folder)


def add_run(folder: Path, run: Run, phases: Iterable[Mapping[str, Any]]) -> None:
    """Keep a finished run: what is here survives a kill at any later moment."""
    _append(folder / PHASES, phases)
    _append(folder / "runs.jsonl", [asdict(run)])


def close(folder: Path, record: Record) -> None:
    """Write record.json, once and for all."""
    create_once(folder / "record.json", _json(asdict(record)), mode=0o644)
    for name in ("begun.json", "runs.jsonl", FAULTS):
        remove(folder / name)


def read_record(folder: Path) -> Record:
    """The record in `folder`; of a case that was cut short, what had been finished.

    Raises:
        DataError: it is no record, or one of a newer harness.
    """
    closed = (folder / "record.json").exists()
    path = folder / ("record.json" if closed else "begun.json")
    table = _table(path)
    try:
        record = from_table(Record, table, where=str(path))
        runs = tuple(from_table(Run, line, where=f"{folder}/runs.jsonl") for line in _lines(folder / "runs.jsonl"))
    except ConfigError as error:
        raise DataError(error.message, remedy=f"restore it with git, or remove {folder}") from error
    if (record.platform, record.id) != (folder.parent.name, folder.name) or record.status not in STATUSES:
        raise DataError(
            f"{path} says it is {record.platform}/{record.id} and {record.status}",
            remedy=f"put it back where it belongs, or remove {folder}",
        )
    if closed:
        return record
    return replace(record, runs=runs, status="truncated", reason=record.reason or "it was cut short")


def read_records(results: Path) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Every record that was not withdrawn, by platform and id; and in words what was passed over."""
    records, strangers, taken_back = [], [], withdrawn(results)
    for platform in sorted(results.iterdir()) if results.is_dir() else ():
        if not platform.is_dir() or platform.name in NO_RECORDS:
            continue
        for folder in sorted(platform.iterdir()):
            if f"{platform.name}/{folder.name}" in taken_back or folder.name.startswith("."):
                continue
            try:
                records.append(read_record(folder))
            except DataError as error:
                strangers.append(f"{error.message} (try: {error.remedy})")
    return tuple(records), tuple(strangers)


def withdrawn(results: Path) -> dict[str, str]:
    """`<platform>/<id>` -> reason, of the records that were taken back by a line in withdrawn.toml."""
    path = results / "withdrawn.toml"
    return {name: str(reason) for name, reason in read_toml(path).items()} if path.is_file() else {}


def read_phases(folder: Path) -> list[dict[str, Any]]:
    """Lines of phases.jsonl: `phase`, `run`, `started_unix_s`, `duration_s`, and what else the engine told."""
    return _lines(folder / PHASES)


def read_faults(folder: Path) -> tuple[str, ...]:
    """What the sampler complained of, each once."""
    path = folder / FAULTS
    return tuple(dict.fromkeys(path.read_text(errors="replace").splitlines())) if path.exists() else ()


def read_samples(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Columns of samples.csv.gz, NaN where nothing was read; of a file cut off by a kill, all whole lines.

    Empty where there are none.
    """
    path = folder / SAMPLES
    header, _, body = (_inflated(path.read_bytes())[0] if path.exists() else "").partition("\n")
    names = header.split(",")
    if not body:
        return {}
    try:
        table = np.array(body.replace("\n", ",")[:-1].split(","), dtype=np.float64).reshape(-1, len(names))
    except ValueError as error:
        raise DataError(f"{path} does not hold lines of {len(names)} numbers", remedy=f"remove {folder}") from error
    return dict(zip(names, table.T, strict=True))


class SampleFile:
    """samples.csv.gz, to be added to: what was flushed can be read although the file was never closed.

    Where there are samples of an earlier run, their columns hold.
    """

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        path = folder / SAMPLES
        text, whole = _inflated(path.read_bytes()) if path.exists() else ("", True)
        if not whole:  # an earlier sampler was killed: nothing can be put behind a member without an end
            write_bytes(path, gzip.compress(text.encode(), mtime=0))
        known = text.partition("\n")[0].split(",") if text else []
        self._columns = known[2:] or [*columns]
        self._order = [columns.index(name) if name in columns else None for name in self._columns]
        self._stream = path.open("ab")
        self._packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        self._lines = [] if known else [",".join(["unix_s", "late_s", *self._columns])]

    def __enter__(self) -> "SampleFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.flush(zlib.Z_FINISH)
        self._stream.close()

    def add(self, unix_s: float, late_s: float, values: Sequence[float | None]) -> None:
        """One line; `values` in the order of the columns this was made with."""
        chosen = (None if place is None else values[place] for place in self._order)
        cells = ("nan" if value is None else format(value, ".12g") for value in chosen)
        self._lines.append(f"{unix_s:.3f},{late_s:.6f},{','.join(cells)}")

    def flush(self, mode: int = zlib.Z_SYNC_FLUSH) -> None:
        """Let go of what was added."""
        text = "".join(line + "\n" for line in self._lines)
        self._lines = []
        self._stream.write(self._packer.compress(text.encode()) + self._packer.flush(mode))
        self._stream.flush()


def _inflated(packed: bytes) -> tuple[str, bool]:
    """All whole lines, and whether the file had its proper end. Each run of the sampler adds a gzip member."""
    found, whole = [], True
    while packed and whole:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            found.append(member.decompress(packed))
        except zlib.error:
            break
        packed, whole = member.unused_data, member.eof
    text = b"".join(found).decode("ascii", errors="replace")
    return text[: text.rfind("\n") + 1], whole and not packed


def _table(path: Path) -> dict[str, Any]:
    """A record of a version we know, not looked at any further."""
    try:
        table = json.loads(path.read_text())
        version = table["schema_version"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError(
            f"{path} is no record: {found}", remedy=f"restore it with git, or remove {path.parent}"
        ) from error
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        found = f"has schema_version {version}, this harness reads up to {SCHEMA_VERSION}"
        raise DataError(f"{path} {found}", remedy="take a newer harness")
    return dict(table)


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:  # cut off by a kill
            continue
    return found


def _append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("a") as stream:
        stream.write("".join(json.dumps(row, sort_keys=True, allow_nan=False) + "\n" for row in rows))
        stream.flush()
        os.fsync(stream.fileno())


def _json(table: Any) -> bytes:
    return (json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
