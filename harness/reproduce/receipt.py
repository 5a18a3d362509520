"""The receipt of a reproduction: written once, never edited, read again by whoever was handed one.

`docs/reproducing.md` describes its keys, `specs/receipt.schema.json` is its JSON Schema. It holds no path of
a machine, and no name of a user, host or folder: runs are named by digests, and a record by its id.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import ConfigError, DataError
from harness.files import create_once
from harness.reproduce.differences import Difference
from harness.reproduce.levels import Level, overall
from harness.reproduce.sameness import Row
from harness.reproduce.source import Run
from harness.settings.table import from_table
from harness.text import columns, one_line

SCHEMA_VERSION = 1
NAME = "receipt.json"
MOST_BYTES = 16 << 20
LONGEST, LONGEST_TEXT = 90, 600  # characters of a difference in the table; the receipt has all of it
LEVELS = tuple(level.value for level in Level)
SHOWN = 12  # hexadecimal digits of a digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two runs."""

    kind: str  # workspace, crate or record
    digest: str  # of its facts, products and scores
    record: str  # the id of a record, else ""
    facts: Mapping[str, str | int | float | bool | None]  # None: not recorded
    packages: Mapping[str, str]  # name -> version; empty: not recorded


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A fact that differs, or is not recorded on one side."""

    fact: str
    there: str | int | float | bool | None
    here: str | int | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTimes:
    """One stage on both sides; `here_s` is None where its products were taken from the other run."""

    stage: str
    there_s: float | None
    here_s: float | None
    here_started_utc: str
    attempts: int  # made here


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductRow:
    """One product, or one score of a record; digests are SHA-256, "" where there is none."""

    stage: str
    name: str
    level: str = field(metadata={"enum": [*LEVELS]})
    there: str
    here: str
    difference: str
    causes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """Whether a run says again what another one said."""

    verdict: str = field(metadata={"enum": ["yes", "no", "cannot tell"]})
    level: str = field(metadata={"enum": [*LEVELS]})  # of all products together
    promised: str = field(metadata={"enum": [*LEVELS]})  # what could be expected
    promised_because: str
    there: Side
    here: Side
    exact: bool  # with the sources and packages of the other run
    only: tuple[str, ...]  # stages that were reproduced from the other's products; empty: all
    differences: tuple[Fact, ...]
    stages: tuple[StageTimes, ...]
    products: tuple[ProductRow, ...]
    network: str  # what networks whose products differ in content were judged by; "" where none had to be
    made_utc: str
    duration_s: float = field(metadata={"minimum": 0})  # of running and comparing, since the last start
    harness_version: str = __version__
    schema_version: int = SCHEMA_VERSION


def side(run: Run, stages: Sequence[str]) -> Side:
    """A run as a receipt names it, with the circumstances of the stages that were compared."""
    return Side(
        kind=run.kind,
        digest=run.digest,
        record=run.name if run.kind == "record" else "",
        facts=run.facts_of(stages),
        packages=dict(run.packages),
    )


def judged(rows: Sequence[Row]) -> tuple[str, str]:
    """Verdict and level of all rows together, as a receipt has them."""
    level = overall(row.level for row in rows)
    return level.verdict.value, level.value


def product_rows(rows: Sequence[Row]) -> tuple[ProductRow, ...]:
    """Rows of a comparison as a receipt has them."""
    return tuple(ProductRow(**{**_plain(row), "level": row.level.value}) for row in rows)


def fact_rows(found: Sequence[Difference]) -> tuple[Fact, ...]:
    """Facts that differ as a receipt has them."""
    return tuple(Fact(fact=one.fact, there=one.there, here=one.here) for one in found)


def _plain(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def write_receipt(folder: Path, receipt: Receipt) -> Path:
    """Write the receipt into the folder under the first name that is free: none is ever written over."""
    text = json.dumps(asdict(receipt), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    for number in itertools.count(1):
        path = folder / (NAME if number == 1 else f"receipt-{number}.json")
        try:
            create_once(path, text.encode(), mode=0o644)
        except FileExistsError:
            continue
        return path
    raise AssertionError


def read_receipt(path: Path) -> Receipt:
    """The receipt in a file.

    Raises:
        ConfigError: it cannot be read.
        DataError: it is none, or one of a newer harness.
    """
    try:
        with path.open("rb") as stream:
            table = json.loads(stream.read(MOST_BYTES))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", remedy="correct the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no receipt: {error}", remedy="ask for it again") from error
    version = table.get("schema_version") if isinstance(table, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"{path} is a receipt of schema {version}, this harness reads up to {SCHEMA_VERSION}",
            remedy="take a harness as new as the one that wrote it",
        )
    try:
        receipt = from_table(Receipt, table, where=str(path))
    except ConfigError as error:
        raise DataError(error.message, remedy="ask for it again; a receipt is never edited") from error
    if {receipt.level, receipt.promised, *(row.level for row in receipt.products)} - {*LEVELS}:
        raise DataError(f"{path} names a level that there is not", remedy="ask for it again")
    level = overall(Level(row.level) for row in receipt.products)
    if (receipt.verdict, receipt.level) != (level.verdict.value, level.value):
        raise DataError(
            f"{path} was edited: it says {one_line(receipt.verdict)}, {receipt.level}, "
            f"and its products are {level.value}",
            remedy="ask for it again",
        )
    return receipt


def told(receipt: Receipt) -> str:
    """A receipt for a person: its verdict, what differs, and a row for each product."""
    there, here = receipt.there, receipt.here
    names = [one_line(f"{one.kind} {one.record or one.digest[:SHOWN]}") for one in (there, here)]
    lines = [f"there: {names[0]}; here: {names[1]}"]
    facts = [Difference(fact=one.fact, there=one.there, here=one.here) for one in receipt.differences]
    lines += [f"  {fact}" for fact in facts]
    lines.append(f"expected: {receipt.promised}: {one_line(receipt.promised_because, longest=LONGEST_TEXT)}")
    rows = [("stage", "product", "level", "first difference")]
    rows += [
        (one_line(row.stage), one_line(row.name), row.level, one_line(row.difference, longest=LONGEST))
        for row in receipt.products
    ]
    lines += ["", columns(rows)]
    if receipt.network:
        lines.append(f"networks: {one_line(receipt.network, longest=LONGEST_TEXT)}")
    seen: set[str] = set()
    for row in receipt.products:
        for cause in row.causes:
            if cause not in seen:
                seen.add(cause)
                lines.append(f"probable cause ({row.stage}, {one_line(row.name)}): {one_line(cause)}")
    return "\n".join([*lines, "", conclusion(receipt)])


def conclusion(receipt: Receipt) -> str:
    """One line: reproduced and at which level, or not."""
    counts = {level: sum(row.level == level for row in receipt.products) for level in LEVELS}
    counted = ", ".join(f"{count} {level}" for level, count in counts.items() if count) or "no product"
    words = {
        "yes": f"reproduced: {receipt.level}",
        "no": "not reproduced",
        "cannot tell": "cannot tell whether it was reproduced",
    }
    return f"{words[receipt.verdict]} ({counted})"
