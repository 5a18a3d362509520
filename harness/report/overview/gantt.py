"""Tries on an axis of time, on which a long time without any is cut out, and marked."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.stages.tries import Try

LONG_GAP_SHARE = 0.06  # of the time in which somebody worked: a longer pause is cut out
CUT_SHARE = 0.02  # of that time: how wide what was cut out is shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One try; places are shares (0 to 1) of the axis."""

    one: Try
    start: float
    kept: float  # up to where its work was kept
    end: float
    phases: tuple[tuple[str, float, float], ...]  # name, start and end of those within it


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """The bars in the order of their starts, and the pauses that were cut out: (place, seconds)."""

    bars: tuple[Bar, ...]
    cuts: tuple[tuple[float, float], ...]
    shown_s: float  # what the whole axis stands for, pauses left out


def chart(tries: Sequence[Try]) -> Chart:
    """The tries whose start and length are known."""
    timed = [(one, one.started_s, one.lasted_s) for one in tries]
    spans = [(one, start_s, start_s + lasted_s) for one, start_s, lasted_s in timed if start_s and lasted_s]
    if not spans:
        return Chart(bars=(), cuts=(), shown_s=0.0)
    busy = _merged([(start_s, end_s) for _, start_s, end_s in spans])
    busy_s = sum(end_s - start_s for start_s, end_s in busy)
    place, cuts, shown_s = _axis(busy, busy_s)
    bars = []
    for one, start_s, end_s in spans:
        phases = tuple(
            (
                str(each["phase"]),
                place(max(begin_s, start_s)),
                place(min(begin_s + each["duration_s"], end_s)),
            )
            for each in one.phases
            for begin_s in [each["started_unix_s"]]
            if begin_s < end_s and begin_s + each["duration_s"] > start_s
        )
        kept = place(min(start_s + one.kept_s, end_s))
        bars.append(Bar(one=one, start=place(start_s), kept=kept, end=place(end_s), phases=phases))
    return Chart(bars=tuple(bars), cuts=cuts, shown_s=shown_s)


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The times in which anybody worked, in order."""
    merged: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((start_s, end_s))
    return merged


def _axis(
    busy: Sequence[tuple[float, float]], busy_s: float
) -> tuple[Callable[[float], float], tuple[tuple[float, float], ...], float]:
    """Time to place, the cuts, and the seconds that the axis shows."""
    knots, cuts, at_s = [], [], 0.0  # (moment, place in seconds)
    for number, (start_s, end_s) in enumerate(busy):
        if number:
            gap_s = start_s - busy[number - 1][1]
            if gap_s > LONG_GAP_SHARE * busy_s:
                cuts.append((at_s + CUT_SHARE * busy_s / 2, gap_s))
                at_s += CUT_SHARE * busy_s
            else:
                at_s += gap_s
        knots.append((start_s, at_s))
        at_s += end_s - start_s
        knots.append((end_s, at_s))
    whole_s = at_s or 1.0

    def place(moment_s: float) -> float:
        for (from_s, from_at), (to_s, to_at) in itertools.pairwise(knots):
            if from_s <= moment_s <= to_s:
                share = (moment_s - from_s) / (to_s - from_s) if to_s > from_s else 0.0
                return (from_at + share * (to_at - from_at)) / whole_s
        return 0.0 if moment_s < knots[0][0] else 1.0

    return place, tuple((where / whole_s, gap_s) for where, gap_s in cuts), whole_s
