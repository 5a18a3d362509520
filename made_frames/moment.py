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
        sun: direction east, north, up, of length 1.
        cloud, wet, haze: 0 clear, dry, clear to 1 overcast, streaming road, thick fog at the far end.
        drops: rain drops on the lens.
    """

    when: dt.datetime
    sun: tuple[float, float, float]
    cloud: float
    wet: float
    haze: float
    drops: int

    @property
    def darkness(self) -> float:
        """0 in daylight, 1 at night."""
        return min(1.0, max(0.0, (0.07 - self.sun[2]) / 0.17))

    @property
    def sunshine(self) -> float:
        """0 without shadows, 1 under a high sun in a clear sky."""
        return max(0.0, 1 - 1.6 * self.cloud) * min(1.0, max(0.0, self.sun[2] / 0.2))

    @property
    def shadow(self) -> tuple[float, float]:
        """Metres (east, north) by which the top of a thing one metre tall is thrown."""
        east, north, up = self.sun
        return -east / max(up, 0.3), -north / max(up, 0.3)


def make_moment(rng: Random, camera: int, shot: int) -> Moment:
    """The moment of a camera's frame number `shot`; each is later than that of the frame before."""
    day = dt.datetime(2019, 1, 7) + dt.timedelta(days=(camera * 67) % 330 + shot // SLOTS)
    hours = FIRST_H + SLOT_H * (shot % SLOTS) + rng.uniform(0, SLOT_H - 0.01)
    when = day + dt.timedelta(seconds=int(hours * 3600))
    rainy = rng.random() < 0.22
    return Moment(
        when=when,
        sun=sun_over_london(when),
        cloud=1.0 if rainy else min(1.0, max(0.0, rng.uniform(-0.3, 1.2))),
        wet=rng.uniform(0.4, 1.0) if rainy else max(0.0, rng.uniform(-0.8, 0.25)),
        haze=rng.uniform(0.0, 0.25) + (rng.uniform(0.2, 0.5) if rng.random() < 0.08 else 0.0),
        drops=rng.randint(0, 9) if rainy else 0,
    )


def sun_over_london(when: dt.datetime) -> tuple[float, float, float]:
    """Direction (east, north, up) of the sun at a clock time of 2019, good to a degree or two.

    Source: the usual declination and hour-angle formulas (Cooper 1969), without the equation of time.
    """
    hour = when.hour + when.minute / 60 - (1 if SUMMER_TIME[0] <= when < SUMMER_TIME[1] else 0)
    turn = math.radians(15 * (hour - 12))
    tilt = -math.radians(23.44) * math.cos(2 * math.pi * (when.timetuple().tm_yday + 10) / 365)
    high, level = math.sin(tilt), math.cos(tilt) * math.cos(turn)
    north, up = math.sin(LATITUDE), math.cos(LATITUDE)
    return -math.cos(tilt) * math.sin(turn), up * high - north * level, north * high + up * level
