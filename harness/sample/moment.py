"""When a frame is taken: date and time, where the sun stands over London, and the weather."""

import datetime as dt
import math
from dataclasses import dataclass
from random import Random

LATITUDE = math.radians(51.5)
SUMMER_TIME = (dt.datetime(2019, 3, 31, 1), dt.datetime(2019, 10, 27, 1))
SLOTS, SLOT_H, FIRST_H = 3, 6, 6  # frames a day and camera: morning, afternoon, evening


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One instant at one camera.

    Args:
        elevation, azimuth: of the sun in radians; azimuth from north over east.
        cloud: 0 clear to 1 overcast.
        wet: 0 dry to 1 streaming road.
        haze: 0 clear air to 1 thick fog at the far end.
        rain: drops on the lens.
    """

    when: dt.datetime
    elevation: float
    azimuth: float
    cloud: float
    wet: float
    haze: float
    rain: int

    @property
    def sun(self) -> tuple[float, float, float]:
        """Direction of the sun: east, north, up."""
        level = math.cos(self.elevation)
        return math.sin(self.azimuth) * level, math.cos(self.azimuth) * level, math.sin(self.elevation)

    @property
    def darkness(self) -> float:
        """0 in daylight, 1 at night."""
        return min(1.0, max(0.0, (math.radians(4.0) - self.elevation) / math.radians(10.0)))

    @property
    def sunshine(self) -> float:
        """0 without shadows, 1 under a high sun in a clear sky."""
        return max(0.0, 1 - 1.6 * self.cloud) * min(1.0, max(0.0, self.elevation / math.radians(12.0)))

    @property
    def shadow(self) -> tuple[float, float]:
        """Metres (east, north) by which the top of a thing one metre tall is thrown."""
        reach = min(3.0, 1 / math.tan(max(self.elevation, 0.1)))
        return -math.sin(self.azimuth) * reach, -math.cos(self.azimuth) * reach


def make_moment(rng: Random, *, camera: int, shot: int) -> Moment:
    """The moment of a camera's frame number `shot`; moments of one camera never repeat and follow each other."""
    day = dt.datetime(2019, 1, 7) + dt.timedelta(days=(camera * 67) % 330 + shot // SLOTS)
    hours = FIRST_H + SLOT_H * (shot % SLOTS) + rng.uniform(0, SLOT_H - 0.01)
    when = day + dt.timedelta(seconds=int(hours * 3600))
    elevation, azimuth = sun_over_london(when)
    rainy = rng.random() < 0.22
    return Moment(
        when=when,
        elevation=elevation,
        azimuth=azimuth,
        cloud=1.0 if rainy else min(1.0, max(0.0, rng.uniform(-0.3, 1.2))),
        wet=rng.uniform(0.4, 1.0) if rainy else max(0.0, rng.uniform(-0.8, 0.25)),
        haze=rng.uniform(0.0, 0.25) + (rng.uniform(0.2, 0.5) if rng.random() < 0.08 else 0.0),
        rain=rng.randint(0, 9) if rainy else 0,
    )


def sun_over_london(when: dt.datetime) -> tuple[float, float]:
    """(elevation, azimuth) of the sun in radians at a clock time of 2019, good to a degree or two.

    Source: the usual declination and hour-angle formulas (Cooper 1969), without the equation of time.
    """
    hour = when.hour + when.minute / 60 - (1 if SUMMER_TIME[0] <= when < SUMMER_TIME[1] else 0)
    declination = -math.radians(23.44) * math.cos(2 * math.pi * (when.timetuple().tm_yday + 10) / 365)
    sin_place, cos_place = math.sin(LATITUDE), math.cos(LATITUDE)
    sin_sun, cos_sun = math.sin(declination), math.cos(declination)
    turn = math.radians(15 * (hour - 12))
    up = sin_place * sin_sun + cos_place * cos_sun * math.cos(turn)
    north = cos_place * sin_sun - sin_place * cos_sun * math.cos(turn)
    return math.asin(up), math.atan2(-cos_sun * math.sin(turn), north)
