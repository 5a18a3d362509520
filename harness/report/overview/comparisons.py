"""Why one record or run is slower than another: the runs of each side, and the sentence that tells it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.measure.compare import matches, obstacles
from harness.measure.plan import load_plan
from harness.measure.record import Record
from harness.measure.time_parts import Spent, spent_of_run
from harness.measure.waterfall import UNEXPLAINED, Row, Waterfall, waterfall
from harness.report.overview.facts import Compared, RunFacts
from harness.report.overview.words import signed_s
from harness.text import one_line
from harness.verdict import Verdict

CASES = ("chain", "train", "scaling", "evaluate", "inference")  # whose time has parts
PhasesOf = Callable[[Record], Sequence[Mapping[str, Any]]]
MOST_OBSTACLES = 6


def compare_records(
    a: Sequence[Record], b: Sequence[Record], phases: PhasesOf, *, names: tuple[str, str]
) -> list[Compared]:
    """A waterfall for each case that both sides measured.

    Args:
        phases: reads those of a record.
        names: of the two sides, as they were asked for.
    """
    spread_pct = load_plan(str(a[0].conditions.get("recipe"))).session_spread_pct
    found = []
    for label, ours, theirs in matches(a, b):
        if ours[0].case not in CASES or not theirs:
            continue
        sides = [_spent(side, phases) for side in (ours, theirs)]
        is_one_session = len({record.bench for record in (*ours, *theirs)}) == 1
        fall = waterfall(*sides, declared_pct=0.0 if is_one_session else spread_pct)
        if fall is not None:
            against = tuple(map(one_line, obstacles(ours, theirs)[:MOST_OBSTACLES]))
            found.append(_compared(names, one_line(label), fall, against))
    return found


def _spent(records: Sequence[Record], phases: PhasesOf) -> list[Spent]:
    return [
        spent_of_run(record, run, told)
        for record in records
        for told in [phases(record)]
        for run in record.runs
        if told
    ]


def compare_runs(a: RunFacts, b: RunFacts) -> list[Compared]:
    """The waterfall of two workspaces; none where one does not tell its times."""
    sides = [[run.spent] if run.spent is not None else [] for run in (a, b)]
    fall = waterfall(*sides, declared_pct=0.0)
    return [_compared((a.name, b.name), "runs", fall, _differences(a, b))] if fall is not None else []


def _differences(a: RunFacts, b: RunFacts) -> tuple[str, ...]:
    """Settings in which two runs are known to differ."""
    here, there = ({one.name: one.value for one in run.settings} for run in (a, b))
    return tuple(
        f"{name} is {here[name]}, there {there[name]}"
        for name in here
        if name in there and here[name] != there[name]
    )


def _compared(names: tuple[str, str], of: str, fall: Waterfall, against: tuple[str, ...]) -> Compared:
    return Compared(
        a=one_line(names[0]),
        b=one_line(names[1]),
        of=of,
        waterfall=fall,
        obstacles=against,
        is_slower=_is_slower(fall.total),
        why=sentence(fall),
    )


def _is_slower(whole: Row) -> Verdict:
    """Whether the interval lies above 0; where it holds both signs that cannot be told."""
    if whole.low_s is not None and whole.low_s > 0:
        return Verdict.YES
    return Verdict.NO if whole.high_s is not None and whole.high_s <= 0 else Verdict.CANNOT_TELL


def sentence(fall: Waterfall) -> str:
    """What the difference is, what makes it, and what nobody can tell of it."""
    whole = fall.total
    if whole.is_change is Verdict.NO:
        return f"A and B differ by no more than chance makes them: {_with_interval(whole)}."
    way = "longer" if whole.difference_s >= 0 else "shorter"
    words = [f"B took {abs(whole.difference_s):,.1f} s {way} than A: {_with_interval(whole)}."]
    if whole.is_change is Verdict.CANNOT_TELL:
        words.append("With one run on a side nobody can tell whether that is chance.")
    if fall.causes:
        words.append(f"What makes it: {', '.join(map(_cause, fall.causes))}.")
    else:
        words.append("No part by itself makes it.")
    if fall.is_explained is Verdict.NO:
        words.append(
            f"{fall.unexplained_pct:.0f} % of the longer time lie in no part: cannot tell what they were."
        )
    return " ".join(words)


def _cause(row: Row) -> str:
    return f"{'time in no part' if row.name == UNEXPLAINED else row.name} ({signed_s(row.difference_s)})"


def _with_interval(row: Row) -> str:
    if row.low_s is None or row.high_s is None:
        return f"{signed_s(row.difference_s)}, one run too few to say how sure"
    return f"{signed_s(row.difference_s)} (95 %: {signed_s(row.low_s)} to {signed_s(row.high_s)})"
