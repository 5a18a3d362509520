import itertools
import math
import statistics
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from harness.measure.stats import ratio, summarise


def exact_interval(values):
    """2.5 % and 97.5 % points of the bootstrap distribution of the median, over all n^n resamples."""
    medians = sorted(
        statistics.median(resample) for resample in itertools.product(values, repeat=len(values))
    )
    return medians[round(0.025 * len(medians))], medians[round(0.975 * len(medians))]


def test_median_and_quartiles_are_those_of_the_textbook():
    # Moore and McCabe's quartiles differ at the ends; these are the inclusive ones, as numpy and R type 7
    # have them.
    found = summarise([1.0, 2.0, 3.0, 4.0, 5.0])

    assert (found.n, found.median, found.q1, found.q3) == (5, 3.0, 2.0, 4.0)


def test_the_interval_holds_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(60):
        found = summarise(rng.normal(100.0, 5.0, 15))
        hits += found.low <= 100.0 <= found.high
    assert hits >= 51  # 95 % of 60 is 57; a bootstrap of 15 values is a little narrow


@pytest.mark.parametrize(
    "values", [[10.0, 11.0, 12.5, 13.0, 19.0], [5.0] * 5, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]]
)
def test_the_interval_is_that_of_all_resamples(values):
    found = summarise(values)
    assert (found.low, found.high) == exact_interval(values)


def test_four_values_are_too_few_to_say():
    found = summarise([1.0, 2.0, 3.0, 4.0])
    assert (found.n, found.median, found.low, found.high) == (4, 2.5, None, None)

    # Each value is below the true median with probability one half; their range misses it when all are on one
    # side.
    holds = {n: 1 - 2 * Fraction(1, 2) ** n for n in (4, 5)}
    assert holds[4] < Fraction(9, 10) < holds[5]


def test_the_order_of_the_values_changes_nothing():
    values = [4.1, 4.3, 3.9, 4.0, 4.7, 4.2]
    assert summarise(values) == summarise(values[::-1])
    assert ratio(values, [2.0] * 5) == ratio(values[::-1], [2.0] * 5)


def test_what_nobody_could_read_does_not_count():
    assert summarise([None, math.nan, 4.0, math.inf]).n == 1
    assert summarise([None]) is None
    assert summarise([]) is None


def test_a_ratio_has_an_interval_that_excludes_one_where_the_difference_is_plain():
    found = ratio([20.0, 20.2, 19.8, 20.1, 19.9], [10.0, 10.1, 9.9, 10.05, 9.95])

    assert found.ratio == pytest.approx(2.0)
    assert 1.9 < found.low < 2.0 < found.high < 2.1


def test_a_ratio_without_values_or_over_nothing_is_none():
    assert ratio([], [1.0]) is None
    assert ratio([1.0], [0.0]) is None


def test_a_ratio_to_a_constant_is_the_median_in_its_unit():
    values = [10.0, 11.0, 12.5, 13.0, 19.0]
    found = ratio(values, [2.0] * 5)

    assert found.ratio == 6.25
    assert (found.low, found.high) == tuple(edge / 2 for edge in exact_interval(values))


def test_the_interval_of_a_ratio_is_that_of_all_pairs_of_resamples():
    above, below = [98.0, 99.0, 100.0, 101.0, 102.0], [40.0, 46.0, 50.0, 51.0, 55.0]
    medians = [Counter(map(statistics.median, itertools.product(side, repeat=5))) for side in (above, below)]
    ratios = sorted(
        (a / b, m * n) for (a, m), (b, n) in itertools.product(*(side.items() for side in medians))
    )
    shares = list(itertools.accumulate(many for _, many in ratios))
    exact = [
        next(r for (r, _), share in zip(ratios, shares, strict=True) if share >= at * 5**10)
        for at in (0.025, 0.975)
    ]

    found = ratio(above, below)
    assert [found.low, found.high] == pytest.approx(exact, rel=0.002)


def test_a_change_is_an_interval_without_one():
    assert ratio([20.0, 21.0, 22.0, 23.0, 24.0], [10.0, 11.0, 12.0, 13.0, 14.0]).is_change
    assert not ratio([10.0, 11.0, 12.0, 13.0, 14.0], [9.0, 10.5, 12.0, 13.5, 15.0]).is_change
    assert not ratio([20.0] * 4, [10.0] * 5).is_change
