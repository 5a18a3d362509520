"""Records as rows: their figures, each with the file and line it came from; and how they moved over time."""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.clock import unix_s
from harness.measure.comparability import doubts, reasons
from harness.measure.limit import SHARE
from harness.measure.plan import load_plan, set_of
from harness.measure.record import Record, repeats
from harness.measure.stats import Summary, centre, summarise
from harness.report.overview.words import NOT_RECORDED
from harness.report.selection import alike, is_comparable, newest, setup
from harness.text import number, one_line
from harness.units import unit_of
from harness.verdict import Verdict

# What a record of each case is known by: name, part, words.
FIGURES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "chain": (("mAP", "", "mAP of the test frames"), ("stage_s", "train", "training")),
    "train": (("train_images_per_s", "", "training"), (SHARE, "", "of the limit")),
    "scaling": (("train_images_per_s", "", "training"), (SHARE, "", "of the limit")),
    "evaluate": (("images_per_s", "", "evaluation"),),
    "inference": (("images_per_s", "", "inference"),),
    "export": (("command_s", "", "export"),),
    "convert-data": (("command_s", "", "conversion"),),
}
STANDING_CASES = ("train", "evaluate", "inference")
HISTORY_CASE, HISTORY_NAME = "train", "train_images_per_s"
NORMAL_95 = 1.959964  # of a standard normal distribution 95 % lie within
DIGITS = 8  # of a commit


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordFigure:
    """One figure of a record."""

    words: str  # what of
    text: str  # with unit and interval
    value: float
    low: float | None
    high: float | None
    unit: str
    line: int  # of the record's file; 0: not found there


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordRow:
    """One record. Texts are plain and in one line, whatever the record holds."""

    platform: str
    id: str
    file: str  # below the folder of records
    case: str
    setup: str
    status: str
    date: str
    commit: str
    is_comparable: Verdict
    label: str  # why not, or why that cannot be told; and whether somebody sent it in
    verdict: str
    figures: tuple[RecordFigure, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """The training rate of one record, in images per second."""

    started_s: float
    value: float
    low: float | None
    high: float | None
    name: str
    commit: str
    is_comparable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One set-up beside others: its newest record, one that may be compared before one that may not."""

    case: str
    title: str
    record: str
    figure: RecordFigure
    is_comparable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """One set-up over time, with the band in which 95 % of sessions lie if nothing changed."""

    title: str
    points: tuple[Point, ...]
    reference: str  # names of the benches
    middle: float | None
    low: float | None
    high: float | None


def record_row(record: Record, folder: Path) -> RecordRow:
    """A row of a record in `folder`, which is read once more for the lines of its figures."""
    name = "record.json" if (folder / "record.json").exists() else "runs.jsonl"
    text = ""
    with contextlib.suppress(OSError):
        text = (folder / name).read_text(errors="replace")
    faults, unseen = reasons(record), doubts(record)
    own = setup(record)
    verdict = record.verdict
    return RecordRow(
        platform=one_line(record.platform),
        id=one_line(record.id),
        file=f"{record.platform}/{record.id}/{name}",
        case=one_line(record.case),
        setup=one_line(f"{own.recipe}; {own.machine}; {own.software}"),
        status=one_line(record.status + (f": {record.reason}" if record.reason else "")),
        date=one_line(record.started_utc[:10]),
        commit=_commit(record),
        is_comparable=Verdict.NO if faults else Verdict.CANNOT_TELL if unseen else Verdict.YES,
        label=one_line("; ".join([*(faults or unseen), *_sent_in(record)])),
        verdict=one_line(f"{verdict.word}: {verdict.why}") if verdict else "",
        figures=tuple(_figures(record, text)),
    )


def _figures(record: Record, text: str) -> Sequence[RecordFigure]:
    found = []
    for name, of, words in FIGURES.get(record.case, ()):
        summary = summarise(repeats(record, name, of=of))
        if summary is not None:
            unit = unit_of(name)
            found.append(
                RecordFigure(
                    words=words,
                    text=_in_words(summary, unit),
                    value=summary.mean,
                    low=summary.low,
                    high=summary.high,
                    unit=unit,
                    line=_line(text, name, of),
                )
            )
    return found


def _in_words(summary: Summary, unit: str) -> str:
    value = f"{number(summary.mean)} {unit}".rstrip()
    if summary.low is None or summary.high is None:
        return f"{value} (n {summary.n})"
    return f"{value} ({number(summary.low)} to {number(summary.high)}; n {summary.n})"


def _line(text: str, name: str, of: str) -> int:
    """The line at which the first measurement of that name and part stands in a file of records."""
    place = -1
    while (place := text.find(f'"name": "{name}"', place + 1)) >= 0:
        if text.startswith(f'"of": "{of}"', text.find('"of": ', place)):
            return text.count("\n", 0, place) + 1
    return 0


def _sent_in(record: Record) -> list[str]:
    return [f"contributed: {record.contributed}"] if record.contributed else []


def _commit(record: Record) -> str:
    return one_line(record.code.git_commit[:DIGITS]) if record.code else NOT_RECORDED


def standings(records: Sequence[Record]) -> tuple[Standing, ...]:
    """The speed of each set-up in each case, the fastest of a case first."""
    found = []
    for case in STANDING_CASES:
        rows = [
            Standing(
                case=case,
                title=one_line(own.line),
                record=one_line(f"{record.platform}/{record.id}"),
                figure=figure,
                is_comparable=is_comparable(record),
            )
            for own, record in newest(records, case).items()
            for figure in _figures(record, "")[:1]
        ]
        found += sorted(rows, key=lambda row: (-row.figure.value, row.title))
    return tuple(found)


def histories(
    records: Sequence[Record],
    references: Mapping[str, str],
    *,
    spread_pct: Callable[[str], float] = lambda recipe: load_plan(recipe).session_spread_pct,
) -> tuple[History, ...]:
    """The training rates of each set-up that has two records or more.

    Args:
        records: all there are.
        references: platform -> the benches that later ones are compared with, with commas; else the first.
        spread_pct: recipe -> declared spread between sessions.
    """
    told = [record for record in records if repeats(record, HISTORY_NAME)]
    groups = {f"{one.line}, recipe {one.recipe}": own for one, own in alike(told, HISTORY_CASE).items()}
    return tuple(
        _history(one_line(title), own, references.get(own[0].platform, ""), spread_pct(_recipe(own[0])))
        for title, own in sorted(groups.items())
        if len(own) > 1
    )


def _recipe(record: Record) -> str:
    return str(record.conditions.get("recipe") or "")


def _history(title: str, records: Sequence[Record], named: str, spread_pct: float) -> History:
    records = sorted(records, key=lambda one: (one.started_utc, one.id))
    wanted = {name.strip() for name in named.split(",") if name.strip()}
    of_reference = [one for one in records if {one.bench, set_of(one.bench)} & wanted] or records[:1]
    sessions = [repeats(one, HISTORY_NAME) for one in of_reference]
    middle = centre(sessions)
    reach = NORMAL_95 * math.log1p(spread_pct / 100) * math.sqrt(1 + 1 / len(sessions))
    return History(
        title=title,
        points=tuple(point for one in records if (point := _point(one)) is not None),
        reference=one_line(", ".join(sorted({one.bench for one in of_reference}))),
        middle=middle,
        low=middle * math.exp(-reach),
        high=middle * math.exp(reach),
    )


def _point(record: Record) -> Point | None:
    summary = summarise(repeats(record, HISTORY_NAME))
    with contextlib.suppress(ValueError):
        if summary is not None:
            return Point(
                started_s=unix_s(record.started_utc),
                value=summary.mean,
                low=summary.low,
                high=summary.high,
                name=one_line(record.id),
                commit=_commit(record),
                is_comparable=is_comparable(record),
            )
    return None
