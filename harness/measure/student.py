"""Student's t distribution, central and non-central, for any positive degrees of freedom.

T = (Z + shift) / S, where Z is standard normal and S² is a chi-squared variable over its degrees of freedom.
So a chance is the mean of a normal one over the density of S. The trapezoidal rule in log(S) is exact to
rounding there: the integrand is smooth and vanishes at both ends.
`compare` and `gate` need nothing else, which is no reason to have a base install fetch scipy.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

NEARLY_NORMAL = 1000.0  # degrees of freedom from which quantiles are normal ones to 0.3 %
HALVINGS = 60  # of an interval that holds what is looked for


@lru_cache(maxsize=1024)
def quantile(probability: float, df: float) -> float:
    """The t below which this share of the central distribution lies; above 0.5 and below 1."""
    if df >= NEARLY_NORMAL:
        return NormalDist().inv_cdf(probability)
    high = 2.0
    while chance_beyond(high, df) > 1 - probability:
        high *= 2
    low = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if chance_beyond(middle, df) > 1 - probability else (low, middle)
    return high


def chance_beyond(threshold: float, df: float, *, shift: float = 0.0, least: float = 0.0) -> float:
    """P(Z + shift > max(threshold * S, least)): how often a change of `shift` standard errors is called one.

    Args:
        threshold: of t.
        df: degrees of freedom of the standard error.
        shift: the true change, in standard errors.
        least: what is called a change must be larger than this, too; in standard errors.
    """
    if df >= NEARLY_NORMAL:
        return _above(max(threshold, least) - shift)
    values, weights = _spread(df)
    bounds = np.maximum(threshold * values, least) - shift
    return float(np.dot(weights, [_above(bound) for bound in bounds.tolist()]))


@lru_cache(maxsize=1024)
def smallest_seen(threshold: float, df: float, *, power: float, least: float = 0.0) -> float:
    """The change, in standard errors, that is called one with a chance of `power`; see `chance_beyond`."""
    low, high = 0.0, threshold + least + 1.0
    while chance_beyond(threshold, df, shift=high, least=least) < power:
        high *= 2
    for _ in range(HALVINGS // 2):
        middle = (low + high) / 2
        is_seen = chance_beyond(threshold, df, shift=middle, least=least) >= power
        low, high = (low, middle) if is_seen else (middle, high)
    return high


def mean_spread(df: float) -> float:
    """The mean of S: a standard error as it is found is a little too small, more often than not."""
    if df >= NEARLY_NORMAL:
        return 1.0
    values, weights = _spread(df)
    return float(np.dot(values, weights))


@lru_cache(maxsize=256)
def _spread(df: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of S and their weights, which add up to 1."""
    # From where the density is below 1e-13 of all to where it is again; its width is about 1 / sqrt(2 df).
    low, high = -30 / df - 6 / math.sqrt(df), math.log1p(9 / math.sqrt(df))
    logs = np.arange(low, high, min(0.25 / math.sqrt(df), 0.08))
    values = np.exp(logs)
    weights = np.exp(df * logs - df * (values**2 - 1) / 2)  # the density of log(S), up to a factor
    return values, weights / weights.sum()


def _above(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2
