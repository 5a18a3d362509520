"""Records in `results/<platform>/<record id>/`: begun, filled run by run, closed once; and read back.

What is known before the first run is in `begun.json`, and `runs.jsonl` has a line for each finished run.
When the case is over, `record.json` is written from both, once, and they are removed.
A folder without `record.json` belongs to a case that was cut short.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.engine.phases import is_phase
from harness.errors import ConfigError, DataError
from harness.files import create_once, remove
from harness.measure.record import SCHEMA_VERSION, STATUSES, Record, Run
from harness.measure.record_check import require_possible
from harness.settings.declared import read_toml
from harness.settings.table import from_table
from harness.text import one_line
from harness.workspace.marker import DIGEST_SHOWN

RECORD, PHASES, MICRO = "record.json", "phases.jsonl", "micro.json"
CONTRIBUTED = "contributed.json"  # beside a record that was sent in: in which archive, and when it was added
SHOWN = 60  # characters of a line that is refused
FAULTS = "sampler.log"  # what the sampler complained of, until record.json holds it
WITHDRAWN, REFERENCES = "withdrawn.toml", "references.toml"
NOT_PLATFORMS = {"plots", "accuracy"}  # folders of `results` that hold no records


def begin_record(results: Path, record: Record) -> Path:
    """Make the folder of a record; until it is closed it reads as truncated."""
    folder = results / record.platform / record.id
    aside = folder.with_name(f".{record.id}")
    create_once(aside / "begun.json", _json(asdict(record)), mode=0o644)
    return aside.rename(folder)


def add_run(folder: Path, run: Run, phases: Iterable[Mapping[str, Any]]) -> None:
    """Keep a finished run: it survives a kill at any later moment."""
    _append(folder / PHASES, phases)
    _append(folder / "runs.jsonl", [asdict(run)])


def close_record(folder: Path, record: Record) -> None:
    """Write record.json, which is never changed afterwards."""
    create_once(folder / RECORD, _json(asdict(record)), mode=0o644)
    for name in ("begun.json", "runs.jsonl", FAULTS):
        remove(folder / name)


def read_record(folder: Path) -> Record:
    """The record in `folder`; of a case that was cut short, with the runs that had been finished.

    Raises:
        DataError: it is no record, or one of a newer harness.
    """
    closed = (folder / RECORD).exists()
    path = folder / (RECORD if closed else "begun.json")
    table = _read_table(path)
    try:
        record = from_table(Record, table, where=str(path))
        lines = _read_lines(folder / "runs.jsonl")
        runs = tuple(from_table(Run, line, where=f"{folder}/runs.jsonl") for line in lines)
        require_possible(replace(record, runs=(*record.runs, *runs)), where=str(path))
    except ConfigError as error:
        raise DataError(error.message, remedy=f"restore it with git, or remove {folder}") from error
    if (record.platform, record.id) != (folder.parent.name, folder.name) or record.status not in STATUSES:
        raise DataError(
            f"{path} says it is {record.platform}/{record.id} and {record.status}",
            remedy=f"put it back where it belongs, or remove {folder}",
        )
    if closed:
        sent_in = _contributed(folder / CONTRIBUTED)
        return record if record.contributed == sent_in else replace(record, contributed=sent_in)
    return replace(record, runs=runs, status="truncated", reason=record.reason or "it was cut short")


def read_records(results: Path) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Every record that was not withdrawn, by platform and id; and a line for each that cannot be read."""
    records, unreadable, withdrawn = [], [], _read_withdrawn(results)
    for platform in sorted(results.iterdir()) if results.is_dir() else ():
        if not platform.is_dir() or platform.name in NOT_PLATFORMS:
            continue
        for folder in sorted(platform.iterdir()):
            if f"{platform.name}/{folder.name}" in withdrawn or folder.name.startswith("."):
                continue
            try:
                records.append(read_record(folder))
            except DataError as error:
                unreadable.append(f"{error.message} (try: {error.remedy})")
    return tuple(records), tuple(unreadable)


def _read_withdrawn(results: Path) -> dict[str, str]:
    """`<platform>/<id>` -> reason, of the records that a line in withdrawn.toml withdraws."""
    return _read_names(results / WITHDRAWN)


def read_references(results: Path) -> dict[str, str]:
    """Platform -> the bench that `gate` compares later ones with, where references.toml names one."""
    return _read_names(results / REFERENCES)


def read_phases(folder: Path) -> list[dict[str, Any]]:
    """Lines of phases.jsonl: `phase`, `run`, `started_unix_s`, `duration_s`, and what the engine added.

    Raises:
        DataError: a line is whole, and not of a phase.
    """
    rows = _read_lines(folder / PHASES)
    for number, row in enumerate(rows, start=1):
        if not is_phase(row):
            raise DataError(
                f"{folder / PHASES}: line {number} is not of a phase: {one_line(json.dumps(row))[:SHOWN]}",
                remedy=f"restore it with git, or remove {folder}",
            )
    return rows


def read_faults(folder: Path) -> tuple[str, ...]:
    """What the sampler complained of, each once."""
    path = folder / FAULTS
    return tuple(dict.fromkeys(path.read_text(errors="replace").splitlines())) if path.exists() else ()


def _contributed(path: Path) -> str:
    """The archive that a record came in; "" for one of our own, whatever its record.json says."""
    if not path.exists():
        return ""
    try:
        told = json.loads(path.read_text())
        return f"{told['archive']}, sha256 {told['archive_sha256'][:DIGEST_SHOWN]}"
    except (OSError, ValueError, LookupError, TypeError):
        return f"{path.name} cannot be read"


def _read_names(path: Path) -> dict[str, str]:
    return {name: str(text) for name, text in read_toml(path).items()} if path.is_file() else {}


def _read_table(path: Path) -> dict[str, Any]:
    """The table of a record of a version that this harness knows, not checked any further."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        version = table["schema_version"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path} is no record: {type(error).__name__}: {error}",
            remedy=f"restore it with git, or remove {path.parent}",
        ) from error
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema_version {version}, this harness reads up to {SCHEMA_VERSION}",
            remedy="take a newer harness",
        )
    return dict(table)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):  # cut off by a kill, or damaged
            continue
    return rows


def _refuse(word: str) -> float:
    """What JSON has no word for is no number of a record: it would pass for a quiet machine."""
    raise ValueError(f"{word} is no number")


def _append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("a") as stream:
        stream.write("".join(json.dumps(row, sort_keys=True, allow_nan=False) + "\n" for row in rows))
        stream.flush()
        os.fsync(stream.fileno())


def _json(table: Any) -> bytes:
    return (json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
