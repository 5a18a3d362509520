import pytest

from harness.measure.student import chance_beyond, mean_spread, quantile, smallest_seen


# Values of scipy 1.17.1: scipy.stats.t.ppf(probability, df), and norm.ppf for the last.
@pytest.mark.parametrize(
    ("probability", "df", "expected"),
    [
        (0.975, 1, 12.706204736174694),
        (0.975, 2, 4.302652729749462),
        (0.975, 4, 2.7764451051977934),
        (0.9975, 4, 5.597568367075492),
        (0.9995, 2.5, 18.277893528131457),
        (0.975, 37.3, 2.0256425230779604),
        (0.975, 1e9, 1.959963984540054),
    ],
)
def test_quantiles_are_those_of_scipy(probability, df, expected):
    assert quantile(probability, df) == pytest.approx(expected, rel=1e-7)


# Values of scipy 1.17.1: scipy.stats.nct.sf(threshold, df, shift).
@pytest.mark.parametrize(
    ("threshold", "df", "shift", "expected"),
    [
        (2.776, 4, 3.0, 0.6193777298921483),
        (5.598, 4, 7.0, 0.7932013308653505),
        (1.96, 40, 2.8, 0.7974745949725854),
        (4.303, 2, 5.0, 0.719128466403596),
        (12.706, 1, 10.0, 0.5673139354779836),
    ],
)
def test_chances_of_a_shift_are_those_of_scipys_non_central_t(threshold, df, shift, expected):
    assert chance_beyond(threshold, df, shift=shift) == pytest.approx(expected, rel=1e-9)


def test_a_floor_above_every_threshold_decides_alone():
    # P(Z + 3 > 3) is one half, whatever the spread.
    assert chance_beyond(0.1, 1e9, shift=3.0, least=3.0) == pytest.approx(0.5)
    assert chance_beyond(1e-9, 4, shift=3.0, least=3.0) == pytest.approx(0.5)


def test_the_smallest_change_seen_is_the_one_that_is_seen_so_often():
    # Cohen's z for 80 % power at a two-sided 5 %: 1.960 + 0.842.
    assert smallest_seen(1.959964, 1e9, power=0.8) == pytest.approx(2.801585, rel=1e-6)
    found = smallest_seen(2.776, 4, power=0.6193777298921483)
    assert found == pytest.approx(3.0, rel=1e-6)


def test_a_standard_error_is_found_too_small_by_the_factor_that_control_charts_use():
    # c4 of a sample of five and of two, as tables of control charts have them.
    assert (mean_spread(4), mean_spread(1)) == pytest.approx((0.93999, 0.79788), abs=1e-5)
