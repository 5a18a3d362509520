import math

import pytest

from harness.measure.cost import Amount, Use, cost
from harness.report.overview import words
from tests.harness.made import joules


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf])
def test_a_figure_that_is_not_known_is_never_0(unknown):
    assert words.figure(unknown, "%") == "not recorded"
    assert words.fraction(unknown) == "not recorded"
    assert words.lasted(unknown) == "not recorded"
    assert words.signed_s(unknown) == "cannot tell"
    assert words.interval(unknown, 1.0) == ""


def test_figures_have_their_units():
    assert words.figure(36.24, "images/s") == "36.2 images/s"
    assert words.fraction(0.5741) == "0.574"
    assert words.interval(0.5, 0.6258) == "0.500 to 0.626"
    assert words.lasted(245.0) == "4 min 05 s"
    assert words.signed_s(-0.001) == "0.00 s"
    assert (words.precision(None, 0), words.precision(None, 3)) == ("no objects", "not recorded")
    assert (words.signed_s(-0.4), words.signed_s(1234.56)) == ("−0.40 s", "+1,234.6 s")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Amount(value=2.5, unknown=0, count=3), "2.50 GPU-hours"),
        (Amount(value=0.0, unknown=0, count=3), "0.00 GPU-hours"),
        (Amount(value=0.0123, unknown=0, count=1), "0.012 GPU-hours"),
        (Amount(value=2.5, unknown=1, count=3), "at least 2.50 GPU-hours (not recorded of 1 of 3)"),
        (Amount(value=0.0, unknown=1, count=3), "none, as far as recorded (not recorded of 1 of 3)"),
        (Amount(value=0.0, unknown=3, count=3), "not recorded"),
    ],
)
def test_a_sum_says_what_of_it_is_not_known(amount, text):
    assert words.amount(amount, "GPU-hours") == text


def test_few_words_say_a_lower_bound_too():
    assert words.brief(Amount(value=2.5, unknown=1, count=3), "GPU-hours") == "≥ 2.50 GPU-hours"
    assert words.brief(Amount(value=2.5, unknown=0, count=3), "GPU-hours") == "2.50 GPU-hours"
    assert words.brief(Amount(value=0.0, unknown=1, count=3), "GPU-hours") == "none, as far as recorded"
    assert words.brief(Amount(value=0.0, unknown=3, count=3), "GPU-hours") == "not recorded"


def test_energy_is_told_with_how_it_is_known():
    one = Use(what="x", fate="ok", duration_s=3600.0, gpus=1, cores=1.0)
    watched = Use(
        what="x",
        fate="ok",
        duration_s=7200.0,
        gpus=1,
        cores=1.0,
        energies=((3600.0, (joules(3.6e6, coverage_pct=100.0),)),),
    )
    assert words.energy(cost([one])) == "not recorded"
    assert words.energy(cost([one], power_w=250.0)) == "0.25 kWh, by a declared power"
    assert words.energy(cost([watched])) == "1 kWh measured of GPUs, over 50 % of the time"
    assert words.carbon(cost([watched]), None) == "no factor was given"
    assert words.carbon(cost([one], gco2e_per_kwh=200.0), 200.0) == "not recorded"
    assert words.carbon(cost([watched], gco2e_per_kwh=200.0), 200.0) == "200 g, at 200 g/kWh"
