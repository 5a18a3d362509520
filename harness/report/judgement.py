"""What `compare` and `gate` answer, and how they end; `force` shows more, and changes no status.

0   compared; not worse
3   worse
5   cannot tell: they must not be compared, something is missing, or too little could have been seen
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.answer import Answer
from harness.errors import CannotTell, HarnessError, Refused
from harness.files import write_text
from harness.measure.band import Band
from harness.measure.compare import Comparison, compare, obstacles, questions, select_records
from harness.measure.gate import GateResult, judge_newest
from harness.measure.gate_rows import Row
from harness.measure.plan import load_plan
from harness.measure.record_files import REFERENCES, read_records, read_references
from harness.measure.stats import CONFIDENCE, centre
from harness.own_files import command
from harness.report.junit import junit
from harness.report.redraw import load
from harness.text import listing, number, shortened
from harness.verdict import Verdict

LONGEST = 300  # characters of a reason


def compared(results: Path, ours: str, theirs: str, *, force: bool) -> Answer:
    """How records `ours` compare with `theirs`, which are named as in `select_records`.

    Its error is CannotTell where the two must not be compared or have nothing in common; with `force` the
    figures are told all the same.

    Raises:
        ConfigError: there are no records of one of the names.
    """
    notes: list[str] = []
    records = load(results, say=notes.append)
    one, other = (select_records(records, names) for names in (ours, theirs))
    found, asked = obstacles(one, other), questions(one, other)
    comparisons: list[Comparison] = []
    lines = list(notes)
    if force or not found:
        declared_pct = load_plan(str(one[0].conditions.get("recipe"))).session_spread_pct
        comparisons = compare(one, other, declared_pct=declared_pct)
        differ = [f"the question: {line}" for line in asked]
        figures = [f"{ours} over {theirs}", *differ, *spread_lines(comparisons, declared_pct)]
        figures += map(comparison_line, comparisons)
        lines += figures if comparisons else []
    table = {
        "a": ours,
        "b": theirs,
        "notes": notes,
        "obstacles": found,
        "questions": asked,
        "comparisons": [comparison_table(each) for each in comparisons],
        "runs": None,
    }
    error = _unlike(found, force=force) if found else None if comparisons else _nothing_in_common()
    return Answer(text="\n".join(lines), table=table, error=error)


def _unlike(found: Sequence[str], *, force: bool) -> CannotTell:
    return CannotTell(
        f"they must not be compared:{listing(found)}",
        remedy="measure again without what differs" if force else "FORCE=1 shows the figures, too",
    )


def _nothing_in_common() -> CannotTell:
    return CannotTell(
        "they have nothing in common: no case has a quantity that both sides measured",
        remedy="measure the same cases on both sides: make bench",
    )


def gate(
    results: Path, platform: str, recipe: str, *, force: bool, junit_file: Path | None, band: Band | None
) -> Answer:
    """Whether the newest bench of a platform and recipe is worse than its reference.

    The reference is what references.toml names, several benches with commas; else the first bench. The error
    of the answer is Refused where it is worse, CannotTell where that cannot be told.

    Args:
        band: of the recipe's seeds, which tells how much accuracy differs by chance; None: there is none.

    Raises:
        ConfigError: references.toml names a bench that is not there.
    """
    declared_pct = load_plan(recipe).session_spread_pct
    result, notes = _judged(results, platform, recipe, declared_pct, band)
    if junit_file is not None:
        write_text(junit_file, junit(result, [reason(row) for row in result.rows]))
    table = {
        "platform": platform,
        "recipe": recipe,
        "is_worse": result.is_worse.value,
        "sessions": list(result.sessions),
        "reference": list(result.reference),
        "notes": [*notes, *result.notes],
        "rows": [_row_table(row, force=force) for row in result.rows],
    }
    text = "\n".join([*notes, *gate_lines(result, declared_pct, force=force)])
    return Answer(text=text, table=table, error=_error(result, results))


def _judged(
    results: Path, platform: str, recipe: str, declared_pct: float, band: Band | None
) -> tuple[GateResult, list[str]]:
    """What the gate finds, and a note for each record that cannot be read.

    Nobody knows what such a record of the platform says: it may be one of the reference.
    """
    references = read_references(results).get(platform, "")
    records, unreadable = read_records(results)
    result = judge_newest(
        records,
        platform,
        recipe,
        references=tuple(name.strip() for name in references.split(",") if name.strip()),
        declared_pct=declared_pct,
        band=band,
    )
    lost = [line for line in unreadable if line.startswith(f"{results / platform}/")]
    rows = (*result.rows, *(Row(name="a record", why=line) for line in lost))
    return replace(result, rows=rows), [f"passed over: {line}" for line in unreadable]


def _row_table(row: Row, *, force: bool) -> dict[str, Any]:
    """Figures of what must not be compared with `force` only."""
    shown = row.comparison if force or row.is_worse is not Verdict.CANNOT_TELL else None
    return {
        "name": row.name,
        "is_worse": row.is_worse.value,
        "why": row.why or None,
        "visible_loss_pct": None if row.visible is None else _finite(100 * row.visible),
        "comparison": comparison_table(shown) if shown else None,
    }


def comparison_table(compared: Comparison) -> dict[str, Any]:
    """One quantity on both sides; values run after run within sessions."""
    ratio = compared.ratio
    low, high = ratio.interval if ratio and ratio.interval else (None, None)
    return {
        "case": compared.case,
        "quantity": compared.quantity,
        "of": compared.of or None,
        "a": [list(map(_finite, runs)) for runs in compared.ours],
        "b": [list(map(_finite, runs)) for runs in compared.theirs],
        "ratio": _finite(ratio.ratio) if ratio else None,
        "low": _finite(low),
        "high": _finite(high),
        "is_spread_declared": ratio.is_declared if ratio else None,
    }


def _finite(value: float | None) -> float | None:
    """JSON knows no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _error(result: GateResult, results: Path) -> HarnessError | None:
    """What the verdict asks for."""
    of_verdict = {verdict: [row for row in result.rows if row.is_worse is verdict] for verdict in Verdict}
    title = f"{result.platform}, recipe {result.recipe}"
    line = f'a line {result.platform} = "{", ".join(result.sessions)}" in {results / REFERENCES}'
    accept = f"{line} makes the new bench the reference"
    if worse := of_verdict[Verdict.YES]:
        words = f"{title}: worse:{listing([reason(row) for row in worse])}"
        return Refused(words, remedy=f"find out why; {accept}")
    if unknown := of_verdict[Verdict.CANNOT_TELL]:
        remedy = command("bench", platform=result.platform, recipe=result.recipe, sessions="3")
        if any(row.differs for row in unknown):
            remedy = f"measure as the reference was measured; or, where it is to be so from now on: {accept}"
        words = f"{title}: whether it is worse cannot be told:{listing(_by_reason(unknown))}"
        return CannotTell(words, remedy=remedy)
    return None


def _by_reason(rows: Sequence[Row]) -> list[str]:
    """A line for each reason, which often is one of many rows."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(textwrap.shorten(row.why, LONGEST, placeholder=" …"), []).append(row.name)
    return [f"{shortened(each)}: {why}" for why, each in names.items()]


def gate_lines(result: GateResult, declared_pct: float, *, force: bool) -> list[str]:
    """All rows, and what would have been seen; figures of what must not be compared with `force` only."""
    comparisons = [row.comparison for row in result.rows if row.comparison]
    lines = [
        f"{result.platform}, recipe {result.recipe}: {', '.join(result.sessions) or 'no bench'}"
        f" over its reference {', '.join(result.reference) or '(none)'}",
        *(f"note: {note}" for note in result.notes),
        *spread_lines(comparisons, declared_pct),
    ]
    for row in result.rows:
        word = {Verdict.YES: "worse", Verdict.NO: "not worse"}.get(row.is_worse, "cannot tell")
        lines.append(f"{word}: {reason(row)}")
        if force and row.comparison and row.is_worse is Verdict.CANNOT_TELL:
            lines.append(f"  {comparison_line(row.comparison)}")
    seen = [row.visible for row in result.rows if row.visible is not None]
    if result.is_worse is Verdict.NO and seen:
        lines.append(
            f"not worse; a loss of {_percent(min(seen))} to {_percent(max(seen))} would have been seen"
        )
    return lines


def reason(row: Row) -> str:
    """What is to be said of a row: why it cannot be told, or its figures and what would have been seen."""
    if row.is_worse is Verdict.CANNOT_TELL or row.comparison is None:
        return f"{row.name}: {textwrap.shorten(row.why, LONGEST, placeholder=' …')}"
    seen = f"; a loss of {_percent(row.visible)} would have been seen" if row.visible is not None else ""
    return f"{_figures(row.comparison)}{seen}"


def comparison_line(compared: Comparison) -> str:
    """`train train_images_per_s: 0.500 (95 %: 0.436 to 0.573); 50 against 100 images/s, n 5 and 5; …`."""
    if compared.ratio is None or compared.ratio.log_error is None:
        return _figures(compared)
    visible = compared.share(compared.ratio.visible((1 - CONFIDENCE) / 2))
    return f"{_figures(compared)}; a change of {_percent(visible)} would have been seen"


def spread_lines(comparisons: Sequence[Comparison], declared_pct: float) -> list[str]:
    """Where the spread between sessions is declared and not measured, that it is."""
    if not any(one.ratio and one.ratio.is_declared for one in comparisons):
        return []
    return [
        f"spread between sessions: {declared_pct:g} %, declared in specs/bench.toml, or more where seen; "
        "three sessions on each side, 30 minutes apart, would tell it"
    ]


def _figures(compared: Comparison) -> str:
    means = [centre(side) if any(map(any, side)) else 0.0 for side in (compared.ours, compared.theirs)]
    values = f"{' against '.join(map(number, means))} {compared.unit}".rstrip()
    counts = ("+".join(str(len(runs)) for runs in side) for side in (compared.ours, compared.theirs))
    both = f"{values}, n {' and '.join(counts)}"
    if compared.ratio is None:
        return f"{compared.name}: nothing to divide by; {both}"
    interval = "one run: too few to say"
    if compared.ratio.interval is not None:
        interval = "95 %: {:.3f} to {:.3f}".format(*compared.ratio.interval)
    return f"{compared.name}: {compared.ratio.ratio:.3f} ({interval}); {both}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
