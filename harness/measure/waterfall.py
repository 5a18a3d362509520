"""Why B is slower than A: the difference of their times as parts that add up to it, each with an interval.

A part's difference is that of the arithmetic means of both sides, for only these add up. Its 95 % interval
is Welch's (The generalization of Student's problem, Biometrika 1947) with the degrees of freedom of
Satterthwaite (1946). Where the sides are of different sessions, each mean also has the spread that is
declared between them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.measure import student
from harness.measure.stats import CONFIDENCE
from harness.measure.time_parts import EPOCHS, PARTS, Spent
from harness.verdict import Verdict

MOST_UNEXPLAINED_PCT = 2.0  # of the longer of the two times
LEAST_CAUSE_PCT = 10.0  # of the difference: a smaller part is not named as a cause
UNEXPLAINED, TOTAL = "unexplained", "total"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One part on both sides, in seconds; `low_s` and `high_s` bound its difference, or nothing does."""

    name: str
    a_s: float
    b_s: float
    low_s: float | None
    high_s: float | None

    @property
    def difference_s(self) -> float:
        """B less A."""
        return self.b_s - self.a_s

    @property
    def is_change(self) -> Verdict:
        """Whether chance alone rarely makes such a difference."""
        if self.low_s is None or self.high_s is None:
            return Verdict.CANNOT_TELL
        return Verdict.NO if self.low_s <= 0 <= self.high_s else Verdict.YES


@dataclass(frozen=True, kw_only=True, slots=True)
class Waterfall:
    """Parts in the order of time, then what is unexplained; `total` is their sum."""

    rows: tuple[Row, ...]
    total: Row
    runs: tuple[int, int]

    @property
    def unexplained_pct(self) -> float:
        """The unexplained difference, of the longer of the two times."""
        longer_s = max(self.total.a_s, self.total.b_s)
        return 100 * abs(self.rows[-1].difference_s) / longer_s if longer_s else 0.0

    @property
    def is_explained(self) -> Verdict:
        """Whether the parts tell the difference."""
        return Verdict.YES if self.unexplained_pct <= MOST_UNEXPLAINED_PCT else Verdict.NO

    @property
    def causes(self) -> tuple[Row, ...]:
        """Parts that go the way of the difference, the largest first, which chance rarely makes so large.

        Empty where the whole difference may be chance.
        """
        whole_s = self.total.difference_s
        if self.total.is_change is Verdict.NO or not whole_s:
            return ()
        same_way = [row for row in self.rows if 100 * row.difference_s / whole_s >= LEAST_CAUSE_PCT]
        seen = [row for row in same_way if row.is_change is not Verdict.NO]
        return tuple(sorted(seen, key=lambda row: -abs(row.difference_s)))


def waterfall(a: Sequence[Spent], b: Sequence[Spent], *, declared_pct: float) -> Waterfall | None:
    """The difference of the mean times of two sides; None where a side has no run.

    Args:
        a: runs of one side, each with its parts.
        b: runs of the other side.
        declared_pct: spread between sessions, in percent of a mean; 0 where both sides are of one session.
    """
    if not a or not b:
        return None
    if any(EPOCHS in run.parts_s for run in (*a, *b)):
        a, b = ([run.with_one_epoch_part() for run in side] for side in (a, b))
    names = [name for name in PARTS if any(name in run.parts_s for run in (*a, *b))]
    rows = [
        _row(name, [[run.parts_s.get(name, 0.0) for run in side] for side in (a, b)], declared_pct)
        for name in names
    ]
    rows.append(_row(UNEXPLAINED, [[run.unexplained_s for run in side] for side in (a, b)], declared_pct))
    total = _row(TOTAL, [[run.total_s for run in side] for side in (a, b)], declared_pct)
    return Waterfall(rows=tuple(rows), total=total, runs=(len(a), len(b)))


def _row(name: str, sides: Sequence[Sequence[float]], declared_pct: float) -> Row:
    a_s, b_s = (float(np.mean(side)) for side in sides)
    reach_s = _reach_s(sides, declared_pct)
    low_s = high_s = None
    if reach_s is not None:
        low_s, high_s = b_s - a_s - reach_s, b_s - a_s + reach_s
    return Row(name=name, a_s=a_s, b_s=b_s, low_s=low_s, high_s=high_s)


def _reach_s(sides: Sequence[Sequence[float]], declared_pct: float) -> float | None:
    """Half the width of the 95 % interval of a difference of means; None where nothing tells it."""
    between = sum((declared_pct / 100 * float(np.mean(side))) ** 2 for side in sides)
    repeated = [side for side in sides if len(side) > 1]
    if not between and len(repeated) < len(sides):
        return None
    within = [(float(np.var(side, ddof=1)) / len(side), len(side) - 1) for side in repeated]
    variance = between + sum(part for part, _ in within)
    spread = sum(part**2 / df for part, df in within)
    df = variance**2 / spread if spread else math.inf
    return student.quantile((1 + CONFIDENCE) / 2, df) * math.sqrt(variance)
