import math

import numpy as np
import pytest

from harness.measure.stats import centre, ratio, summarise


def sessions(*means, spread=0.0):
    """Sessions of two runs, the logarithms of which lie `spread` above and below that of the mean."""
    return [[mean * math.exp(spread), mean * math.exp(-spread)] for mean in means]


def test_the_mean_of_equal_values_is_that_value_to_the_last_digit():
    assert (summarise([100.0] * 5).mean, summarise([0.1] * 3).low) == (100.0, 0.1)


def test_the_interval_is_students_of_logarithms():
    # Logarithms -2 to 2: their mean is 0, their standard error sqrt(2.5 / 5), and t(4) at 97.5 % is 2.7764.
    found = summarise([math.exp(each) for each in (-2.0, -1.0, 0.0, 1.0, 2.0)])

    assert found.mean == pytest.approx(1.0)
    assert found.high == pytest.approx(math.exp(2.7764451 * math.sqrt(0.5)))
    assert found.low == pytest.approx(math.exp(-2.7764451 * math.sqrt(0.5)))


def test_an_interval_beyond_all_numbers_is_bounded_and_no_error():
    found = summarise([1.0, 1e308])

    assert found.mean == pytest.approx(1e154)
    assert found.low < found.mean < found.high


def test_values_that_are_not_all_above_zero_have_an_arithmetic_mean():
    found = summarise([-1.0, 0.0, 1.0])

    # The standard error is 1 / sqrt(3), and t(2) at 97.5 % is 4.3027.
    assert (found.mean, found.high) == pytest.approx((0.0, 4.3026527 / math.sqrt(3)))


@pytest.mark.parametrize("n", [5, 7, 10, 20])
@pytest.mark.parametrize("kind", ["normal", "lognormal 0.05", "lognormal 0.5"])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(n, kind):
    rng, times = np.random.default_rng(n), 600
    name, _, spread = kind.partition(" ")
    draws = (
        rng.normal(20.0, 1.0, (times, n))
        if name == "normal"
        else 20 * rng.lognormal(0, float(spread), (times, n))
    )
    found = [summarise(draw.tolist()) for draw in draws]

    held = sum(one.low <= 20.0 <= one.high for one in found) / times
    assert 0.92 <= held <= 0.98


def test_one_value_is_too_few_to_say():
    found = summarise([4.0])
    assert (found.n, found.mean, found.low, found.high) == (1, 4.0, None, None)


def test_what_nobody_could_read_does_not_count():
    assert summarise([None, math.nan, 4.0, math.inf]).n == 1
    assert summarise([None]) is None
    assert summarise([]) is None


def test_runs_that_resemble_the_one_before_are_told_of():
    rng, drift = np.random.default_rng(3), [10.0]
    for step in rng.normal(0.0, 0.1, 19):
        drift.append(drift[-1] + step)  # a random walk

    assert "a run resembles the one before (r 0." in summarise(drift).doubt
    assert summarise([10.0, 10.1, 9.9, 10.05, 9.95, 10.1, 9.9]).doubt == ""


def test_independent_runs_are_rarely_suspected():
    rng = np.random.default_rng(4)
    for n in (5, 10, 20):
        suspected = sum(bool(summarise(rng.normal(20, 1, n).tolist()).doubt) for _ in range(600))
        assert suspected / 600 < 0.08  # 5 % and what chance adds


def test_the_centre_counts_sessions_and_not_runs():
    assert centre([[1.0], [4.0, 4.0, 4.0]]) == pytest.approx(2.0)
    assert centre([[0.0]]) == pytest.approx(1e-9)


def test_three_sessions_on_each_side_tell_their_spread():
    # Logarithms of the sessions -0.01, 0, 0.01 on both sides: their variance is 1e-4, their df 4.
    side = [[math.exp(each)] * 2 for each in (-0.01, 0.0, 0.01)]
    found = ratio([[2 * value for value in runs] for runs in side], side, declared_pct=6.0, apart=True)

    assert (found.ratio, found.df, found.is_declared) == (pytest.approx(2.0), 4, False)
    assert found.log_error == pytest.approx(0.01 * math.sqrt(2 / 3))
    reach = 2.7764451 * 0.01 * math.sqrt(2 / 3)
    assert found.interval == pytest.approx((2 * math.exp(-reach), 2 * math.exp(reach)))


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"),
    [
        (sessions(10.0), sessions(10.0), True),
        (sessions(10.0), sessions(10.0, 10.01, 9.99), True),  # two degrees of freedom tell too little
        (sessions(10.0, 10.01, 9.99), sessions(10.0, 10.01, 9.99), False),  # one after the other
        (sessions(10.0, 10.0, 10.0), sessions(10.0, 10.0, 10.0), True),  # as if there were no spread
    ],
)
def test_where_sessions_do_not_tell_their_spread_it_is_the_declared_one(ours, theirs, apart):
    found = ratio(ours, theirs, declared_pct=6.0, apart=apart)

    assert found.is_declared
    assert found.log_error == pytest.approx(math.log(1.06) * math.sqrt(1 / len(ours) + 1 / len(theirs)))


def test_what_was_seen_counts_where_it_is_more_than_was_declared():
    found = ratio(sessions(10.0), sessions(8.0, 12.5), declared_pct=6.0, apart=True)

    seen = (math.log(12.5) - math.log(8.0)) ** 2 / 2  # the variance of two logarithms
    assert found.log_error == pytest.approx(math.sqrt(seen * 1.5))


def test_runs_that_differ_widen_the_interval_beside_the_declared_spread():
    found = ratio(sessions(10.0, spread=0.2), sessions(10.0, spread=0.2), declared_pct=6.0, apart=True)

    # Each session has the variance 2 * 0.2^2 with one degree of freedom, and half of that of its mean.
    within, between = 0.08, 2 * math.log(1.06) ** 2
    assert found.log_error == pytest.approx(math.sqrt(within + between))
    assert found.df == pytest.approx((within + between) ** 2 / (within**2 / 2))


def test_within_one_session_nothing_is_declared():
    found = ratio([[10.0, 10.0]], [[5.0, 5.0]], declared_pct=0.0, apart=True)
    assert found.interval == pytest.approx((2.0, 2.0))
    assert ratio([[10.0]], [[5.0]], declared_pct=0.0, apart=True).interval is None


def test_a_ratio_without_values_or_over_nothing_is_none():
    assert ratio([], [[1.0]], declared_pct=6.0, apart=True) is None
    assert ratio([[1.0]], [[]], declared_pct=6.0, apart=True) is None
    assert ratio([[1.0]], [[0.0]], declared_pct=6.0, apart=True) is None


def test_a_change_is_an_interval_without_one():
    # 1.96 times 6 % times the root of 2 is 16.6 %.
    assert ratio(sessions(12.0), sessions(10.0), declared_pct=6.0, apart=True).is_change
    assert not ratio(sessions(11.5), sessions(10.0), declared_pct=6.0, apart=True).is_change


def test_the_smallest_visible_change_is_that_of_a_normal_test_where_the_spread_is_known():
    found = ratio(sessions(10.0), sessions(10.0), declared_pct=6.0, apart=True)

    assert found.visible(0.025) == pytest.approx(2.801585 * math.log(1.06) * math.sqrt(2), rel=1e-5)
    assert found.visible(0.025, floor=math.inf) == math.inf
    assert found.power(0.025, found.visible(0.025)) == pytest.approx(0.8, abs=1e-6)
