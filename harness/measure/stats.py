"""Figures of repeated measurements: mean, spread, and an interval that says how sure one can be.

A run is the unit: steps within a run are not independent, and count once, by their median.
Runs of one session (a bench, some minutes) differ less than sessions do (another hour, another node), so what
compares sessions also has to know how much those differ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.measure import student

CONFIDENCE = 0.95
POWER = 0.8  # the chance with which a change is seen that counts as visible
MIN_REPEATS = 2  # one value tells no spread
ENOUGH_SESSIONS_DF = 4  # three on each side, or five and one: with fewer a measured spread says too little
MOST_EXPONENT = 709.0  # of e: beyond it a number is too large for a double
LEAST = 1e-9  # stands for 0 where a logarithm is needed: as good as nothing of any quantity that is measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Runs of one session in short; `low` and `high` bound the mean with 95 % confidence (one run: None)."""

    n: int
    mean: float  # geometric; arithmetic where a value is not above 0
    low: float | None
    high: float | None
    autocorrelation: float | None  # of neighbouring runs, where it is too high to be chance

    @property
    def doubt(self) -> str:
        """Why the interval is too narrow, in words; empty: nothing is known against it."""
        if self.autocorrelation is None:
            return ""
        return f"the interval is too narrow: a run resembles the one before (r {self.autocorrelation:.1f})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """One mean over another, with all that says how sure one can be of it. Logarithms are natural."""

    sessions: tuple[int, int]
    log_ratio: float
    log_error: float | None  # standard error of log_ratio; None: nothing tells it
    df: float  # degrees of freedom of log_error
    is_declared: bool  # the spread between sessions is the declared one, not measured

    @property
    def ratio(self) -> float:
        """The first mean over the second."""
        return math.exp(self.log_ratio)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds of the 95 % interval of the ratio."""
        if self.log_error is None:
            return None
        reach = student.quantile((1 + CONFIDENCE) / 2, self.df) * self.log_error
        return math.exp(self.log_ratio - reach), math.exp(self.log_ratio + reach)

    @property
    def is_change(self) -> bool:
        """The interval excludes 1: chance alone rarely makes such a difference."""
        return self.interval is not None and not self.interval[0] <= 1 <= self.interval[1]

    def chance(self, log_loss: float) -> float:
        """How often no change looks like a loss of `log_loss` or more (one-sided p)."""
        assert self.log_error is not None
        if not self.log_error:
            return 0.0 if log_loss > 0 else 1.0
        return student.chance_beyond(log_loss / self.log_error, self.df)

    def power(self, alpha: float, log_loss: float) -> float:
        """How often a true log loss is seen, at a one-sided `alpha`."""
        assert self.log_error is not None
        if not self.log_error:
            return 1.0
        return student.chance_beyond(
            student.quantile(1 - alpha, self.df), self.df, shift=log_loss / self.log_error
        )

    def visible(self, alpha: float, *, floor: float = 0.0) -> float:
        """The smallest log loss that is seen in POWER of cases, at a one-sided `alpha` and above a floor."""
        assert self.log_error is not None
        if not self.log_error or math.isinf(floor):
            return floor
        error, threshold = self.log_error / student.mean_spread(self.df), student.quantile(1 - alpha, self.df)
        return error * student.smallest_seen(threshold, self.df, power=POWER, least=floor / error)


def summarise(values: Sequence[float | None]) -> Summary | None:
    """Runs in their order, in short; None where nothing was measured.

    The interval is Student's, of logarithms: exact for lognormal values, and it holds for normal ones, too.
    One of the median cannot hold with seven runs, where order statistics cover 87 or 98 %.
    """
    numbers = _numbers(values)
    if not numbers.size:
        return None
    is_positive = bool((numbers > 0).all())
    # Over the median, so that the mean of equal values is that value to the last digit.
    scale = float(np.median(numbers)) if is_positive else 1.0
    logs = np.log(numbers / scale) if is_positive else numbers
    centre, reach = float(logs.mean()), None
    if numbers.size >= MIN_REPEATS:
        error = float(logs.std(ddof=1)) / math.sqrt(numbers.size)
        reach = student.quantile((1 + CONFIDENCE) / 2, numbers.size - 1) * error

    def back(value: float) -> float:
        return scale * math.exp(min(value, MOST_EXPONENT)) if is_positive else value

    return Summary(
        n=numbers.size,
        mean=back(centre),
        low=None if reach is None else back(centre - reach),
        high=None if reach is None else back(centre + reach),
        autocorrelation=_autocorrelation(logs),
    )


def ratio(
    ours: Sequence[Sequence[float]],
    theirs: Sequence[Sequence[float]],
    *,
    declared_pct: float,
    apart: bool,
) -> Ratio | None:
    """Geometric mean of `ours` over that of `theirs`, whose runs are given session by session.

    The spread between sessions is measured where ENOUGH_SESSIONS_DF allow it and the sessions lie `apart`.
    Else it is the declared one, in percent, or the one that was seen where that is larger: the interval then
    holds as far as sessions differ by no more than was declared.
    None where one side has no values, or nothing but 0 stands below the line.
    """
    sides = [[_numbers(runs) for runs in side] for side in (ours, theirs)]
    sides = [[runs for runs in side if runs.size] for side in sides]
    if not all(sides) or not any((runs > 0).any() for runs in sides[1]):
        return None
    logs = [[np.log(np.maximum(runs, LEAST)) for runs in side] for side in sides]
    means = [np.array([runs.mean() for runs in side]) for side in logs]
    between, of_sessions = _pooled(means)
    share = sum(1 / side.size for side in means)
    is_measured = apart and of_sessions >= ENOUGH_SESSIONS_DF and between > 0
    variance: float | None = between * share
    df = float(of_sessions)
    if not is_measured:
        variance, df = _with_declared(logs, max(between, math.log1p(declared_pct / 100) ** 2) * share)
    return Ratio(
        sessions=(means[0].size, means[1].size),
        log_ratio=float(means[0].mean() - means[1].mean()),
        log_error=None if variance is None else math.sqrt(variance),
        df=df,
        is_declared=not is_measured,
    )


def prediction(values: Sequence[float], *, alpha: float) -> tuple[float, float] | None:
    """Bounds that one new value falls out of in a share `alpha` of cases; None of fewer than two values.

    mean ± t(1 - alpha / 2; n - 1) · sd · sqrt(1 + 1 / n): exact where all are normal and independent.
    """
    if len(values) < MIN_REPEATS:
        return None
    numbers = np.array(values, dtype=np.float64)
    error = float(numbers.std(ddof=1)) * math.sqrt(1 + 1 / numbers.size)
    reach = student.quantile(1 - alpha / 2, numbers.size - 1) * error
    return float(numbers.mean()) - reach, float(numbers.mean()) + reach


def log_spread(values: Sequence[float]) -> float | None:
    """Standard deviation of the logarithms; None of fewer than two values, or where one is not above 0."""
    numbers = np.array(values, dtype=np.float64)
    if numbers.size < MIN_REPEATS or not (numbers > 0).all():
        return None
    return float(np.log(numbers).std(ddof=1))


def centre(sessions: Sequence[Sequence[float]]) -> float:
    """Geometric mean of sessions, each of which has the geometric mean of its runs; at least LEAST."""
    return math.exp(float(np.mean([np.log(np.maximum(runs, LEAST)).mean() for runs in sessions])))


def _with_declared(
    logs: Sequence[Sequence[NDArray[np.float64]]], between: float
) -> tuple[float | None, float]:
    """Variance of a log ratio and its degrees of freedom (Satterthwaite's), by runs and a known `between`."""
    of_runs, df = _pooled([runs for side in logs for runs in side])
    if not df and not between:
        return None, math.inf
    within = of_runs * sum(sum(1 / runs.size for runs in side) / len(side) ** 2 for side in logs)
    variance = between + within
    return variance, variance**2 / (within**2 / df) if within else math.inf


def _pooled(groups: Sequence[NDArray[np.float64]]) -> tuple[float, int]:
    """The variance within groups, and its degrees of freedom; 0 of both where each group has one value."""
    df = sum(group.size - 1 for group in groups)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    return (squares / df if df else 0.0), df


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return np.array(finite, dtype=np.float64)


def _autocorrelation(values: NDArray[np.float64]) -> float | None:
    """Lag-1 autocorrelation, where independent values have so much in one case of twenty; else None."""
    deviations = values - values.mean()
    squares = float((deviations**2).sum())
    if values.size < 5 or not squares:
        return None
    found = float((deviations[1:] * deviations[:-1]).sum()) / squares
    return found if found > 1.645 / math.sqrt(values.size) - 1 / values.size else None
