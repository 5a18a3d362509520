import numpy as np
import pytest

from harness.report.stats import ratio, summarise


def test_median_and_quartiles_are_those_of_the_textbook():
    # Moore and McCabe's quartiles differ at the ends; these are the inclusive ones, as numpy and R type 7 have them.
    found = summarise([1.0, 2.0, 3.0, 4.0, 5.0])

    assert (found.n, found.median, found.q1, found.q3) == (5, 3.0, 2.0, 4.0)


def test_the_interval_holds_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(60):
        found = summarise(rng.normal(100.0, 5.0, 15))
        hits += found.low <= 100.0 <= found.high
    assert hits >= 51  # 95 % of 60 is 57; a bootstrap of 15 values is a little narrow


def test_two_values_are_too_few_to_say():
    found = summarise([1.0, 2.0])

    assert (found.n, found.median, found.low, found.high) == (2, 1.5, None, None)


def test_what_nobody_could_read_does_not_count():
    assert summarise([None, float("nan"), 4.0]).n == 1
    assert summarise([None]) is None
    assert summarise([]) is None


def test_a_ratio_has_an_interval_that_excludes_one_where_the_difference_is_plain():
    found = ratio([20.0, 20.2, 19.8, 20.1, 19.9], [10.0, 10.1, 9.9, 10.05, 9.95])

    assert found.ratio == pytest.approx(2.0)
    assert 1.9 < found.low < 2.0 < found.high < 2.1


def test_a_ratio_without_values_or_over_nothing_is_none():
    assert ratio([], [1.0]) is None
    assert ratio([1.0], [0.0]) is None
    assert ratio([1.0, 2.0], [1.0, 2.0]).low is None
