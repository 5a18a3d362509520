"""Figures of repeated measurements: median, spread, and an interval that says how sure one can be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The whole range of n values misses the true median with probability 2 / 2^n: 6 % for five, 12 % for four.
# With fewer than five no interval between values comes near 95 %.
MIN_REPEATS = 5
RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Repeats in short; `low` and `high` bound the median with 95 % confidence (None: too few repeats)."""

    n: int
    median: float
    q1: float
    q3: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """One median over another, and the bounds of its 95 % interval; None where there are too few values."""

    n: int  # values on the side that has fewer
    ratio: float
    low: float | None
    high: float | None

    @property
    def is_change(self) -> bool:
        """The interval excludes 1: chance alone rarely makes such a difference."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def summarise(values: Sequence[float | None]) -> Summary | None:
    """Median, quartiles and bootstrap interval (percentile, 95 %); None where nothing was measured."""
    numbers = _numbers(values)
    if not numbers.size:
        return None
    q1, median, q3 = np.percentile(numbers, (25, 50, 75))
    low, high = _interval(_medians(numbers)) if numbers.size >= MIN_REPEATS else (None, None)
    return Summary(n=numbers.size, median=float(median), q1=float(q1), q3=float(q3), low=low, high=high)


def ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Ratio | None:
    """Median of `ours` over median of `theirs` with its bootstrap interval.

    None where one of them has no values, or the median of `theirs` is 0.
    """
    above, below = _numbers(ours), _numbers(theirs)
    if not above.size or not below.size or not np.median(below):
        return None
    n = min(above.size, below.size)
    low, high = _interval(_medians(above) / _medians(below, seed=1)) if n >= MIN_REPEATS else (None, None)
    return Ratio(n=n, ratio=float(np.median(above) / np.median(below)), low=low, high=high)


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    # Sorted, so that the resamples that the seed picks do not depend on the order in which records were read.
    numbers = sorted(value for value in values if value is not None and math.isfinite(value))
    return np.array(numbers, dtype=np.float64)


def _medians(values: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.float64]:
    # A fixed seed, so that the same records give the same page.
    resamples = np.random.default_rng(seed).choice(values, (RESAMPLES, values.size))
    medians: NDArray[np.float64] = np.median(resamples, axis=1)
    return medians


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
