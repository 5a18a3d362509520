"""Times of frames, and the sun over London at some that are known."""

import datetime as dt
import math
from random import Random

import pytest

from made_frames.moment import make_moment, sun_over_london


def elevation(year, month, day, hour, minute=0):
    return math.degrees(math.asin(sun_over_london(dt.datetime(year, month, day, hour, minute))[2]))


@pytest.mark.parametrize(
    ("when", "degrees"),
    [((2019, 6, 21, 13), 61.9), ((2019, 12, 21, 12), 15.1), ((2019, 3, 20, 12), 38.5)],
)
def test_the_sun_at_noon_stands_as_high_as_almanacs_say(when, degrees):
    assert elevation(*when) == pytest.approx(degrees, abs=1)


def test_the_sun_sets_in_london_at_21_21_on_28_june_and_at_15_53_on_21_december():
    assert elevation(2019, 6, 28, 21, 21) == pytest.approx(-0.8, abs=2)
    assert elevation(2019, 12, 21, 15, 53) == pytest.approx(-0.8, abs=2)


def test_the_sun_is_in_the_east_in_the_morning_and_in_the_south_at_noon():
    east, _, _ = sun_over_london(dt.datetime(2019, 3, 21, 7))
    assert east > 0.9
    _, north, _ = sun_over_london(dt.datetime(2019, 3, 21, 12))
    assert north < -0.7


def test_moments_of_a_camera_follow_each_other_and_never_repeat():
    times = [make_moment(Random(shot), 3, shot).when for shot in range(60)]
    assert times == sorted(set(times))


def test_evenings_of_winter_are_dark_and_middays_are_not():
    moments = [make_moment(Random(shot), 0, shot) for shot in range(30)]
    assert all(moment.darkness == 1 for moment in moments if moment.when.hour >= 18)
    assert all(moment.darkness == 0 for moment in moments if 10 <= moment.when.hour <= 14)
