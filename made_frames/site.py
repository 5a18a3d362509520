"""What one camera looks at, drawn from a seed: its view, lanes, houses, trees and posts."""

import math
from dataclasses import dataclass
from random import Random

import numpy as np

from made_frames.geometry import HEIGHT_PX, OVERSAMPLING, Array, Camera
from made_frames.palette import Colour
from made_frames.solids import Point, Span

LANE_M, PAVEMENT_M, FAR_M = 3.25, 3.6, 170.0
GAP_M = 9.0  # from the axis of a crossing road to the houses
DEPTH_M = 12.0  # of houses
# fmt: off
ROADS = (
    "A1 Archway Rd", "A2 Old Kent Rd", "A10 Kingsland Rd", "A13 East India Dock",
    "A23 Brixton Hill", "A24 Balham Hill", "A40 Western Ave", "A41 Finchley Rd",
    "A205 South Circ", "A503 Seven Sisters", "A4 Piccadilly", "A11 Mile End Rd",
    "A3 Clapham Rd", "A20 Lewisham Way", "A406 North Circ", "A5 Edgware Rd",
)
WALLS = (
    (128, 84, 66), (150, 108, 82), (172, 160, 140), (196, 188, 172),
    (120, 116, 112), (166, 140, 104), (98, 76, 66), (206, 204, 198),
)
CROSSINGS = (
    "High St", "Station Rd", "Church St", "Park Ln", "Mill Hill", "Green Ln", "Bridge St", "Manor Rd",
)
SHOPS = (
    (150, 40, 40), (40, 70, 120), (50, 96, 60), (60, 60, 64),
    (196, 170, 80), (180, 180, 178), (96, 50, 96),
)
# fmt: on
STREET_LIGHTS = ((1.0, 0.66, 0.32), (1.0, 0.7, 0.4), (0.85, 1.0, 0.72), (0.95, 0.95, 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """A strip for traffic: along the road at `offset_m` from its axis, or across it at y = `offset_m`."""

    offset_m: float
    direction: int  # 1 away from the camera or to the right, -1 against
    walked: bool = False
    crossing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """A building whose front runs from `start` to `end`, (x, y), and which is `deep_m` deep along x."""

    start: Span
    end: Span
    deep_m: float
    height_m: float
    wall: Colour
    shop: Colour

    @property
    def ground(self) -> Array:
        """Corners [4, 2] of the ground it covers: start, end, and those behind end and start."""
        (x0, y0), (x1, y1) = self.start, self.end
        return np.array([(x0, y0), (x1, y1), (x1 + self.deep_m, y1), (x0 + self.deep_m, y0)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Everything about a camera's view that does not change from frame to frame.

    Args:
        half_m: half the carriageway.
        bend: the road's axis lies at x = bend * y^2.
        crossing_m: y of a crossing road's axis.
        fronts: x of the house fronts left and right, from the axis.
        trees, posts: (x, y, height) of trees, and (x, y) of street lamps.
        busy: factor on the traffic.
    """

    number: int
    name: str
    place: str
    camera: Camera
    half_m: float
    bend: float
    crossing_m: float | None
    fronts: Span
    lanes: tuple[Lane, ...]
    houses: tuple[House, ...]
    trees: tuple[Point, ...]
    posts: tuple[Span, ...]
    bus_lane: bool
    street_light: Point
    busy: float

    def spot(self, lane: Lane, along_m: float, aside_m: float = 0.0) -> Point:
        """(x, y, heading) of a place in a lane; `along_m` is y, or x in a crossing lane."""
        if lane.crossing:
            return along_m, lane.offset_m + aside_m, lane.direction * math.pi / 2
        slope = math.atan(2 * self.bend * along_m)
        x = lane.offset_m + aside_m + self.bend * along_m**2
        return x, along_m, slope + (0 if lane.direction > 0 else math.pi)

    def in_sight(self, x_m: float, y_m: float) -> bool:
        """Whether no house at the corner of the crossing hides a spot in the crossing road."""
        front = self.fronts[0] if x_m < self.camera.x_m else self.fronts[1]
        if self.crossing_m is None or abs(x_m) < abs(front):
            return True
        return y_m * (front - self.camera.x_m) / (x_m - self.camera.x_m) > self.crossing_m - GAP_M + 1


def make_site(seed: int, number: int) -> Site:
    """Camera `number` (from 0) of a data set; a function of its arguments only."""
    rng = Random(f"{seed}/site/{number}")
    each_way = rng.choice((1, 1, 2, 2, 2))
    half = each_way * LANE_M
    bend = rng.choice((0, 0, 1, -1)) * rng.uniform(3e-4, 1.6e-3)
    crossing = rng.uniform(20, 38) if rng.random() < 0.45 else None
    fronts = (-half - PAVEMENT_M - rng.uniform(0, 4), half + PAVEMENT_M + rng.uniform(0, 4))
    lamps = [((half + 0.5) * (1 if k % 2 else -1), 14.0 + 13 * k) for k in range(9)]
    return Site(
        number=number,
        # Names sort as the numbers do.
        name=f"{number // 9 + 1:05d}.{1000 * (number % 9 + 1) + rng.randrange(1000):05d}",
        place=f"{ROADS[number % len(ROADS)]} / {rng.choice(CROSSINGS)}",
        camera=_camera(rng, half),
        half_m=half,
        bend=bend,
        crossing_m=crossing,
        fronts=fronts,
        lanes=tuple(_lanes(each_way, crossing)),
        houses=tuple(house for front in fronts for house in _houses(rng, front, bend, crossing)),
        trees=tuple(tree for side in (-half, half) for tree in _trees(rng, side, bend, crossing)),
        posts=tuple((x + bend * y * y, y) for x, y in lamps),
        bus_lane=each_way > 1 and rng.random() < 0.5,
        street_light=rng.choice(STREET_LIGHTS),
        busy=rng.uniform(0.85, 1.25),
    )


def _camera(rng: Random, half: float) -> Camera:
    height = rng.uniform(6.5, 14)
    pitch = math.radians(rng.uniform(17, 34))
    x = rng.choice((-1, 1)) * rng.uniform(0.0, 0.9) * (half + 1.5)
    yaw = math.atan2(-x * rng.uniform(0.4, 1.0), height / math.tan(pitch)) + math.radians(rng.uniform(-4, 4))
    focal = rng.uniform(1.0, 1.4) * HEIGHT_PX * OVERSAMPLING
    return Camera(x_m=x, height_m=height, yaw=yaw, pitch=pitch, focal_px=focal)


def _lanes(each_way: int, crossing: float | None) -> list[Lane]:
    """Lanes and pavements; traffic keeps to the left."""
    found = []
    for side in (-1, 1):
        found += [Lane(offset_m=side * (k + 0.5) * LANE_M, direction=-side) for k in range(each_way)]
        found.append(Lane(offset_m=side * (each_way * LANE_M + PAVEMENT_M / 2), direction=side, walked=True))
        if crossing is not None:
            found.append(Lane(offset_m=crossing + side * LANE_M / 2, direction=-side, crossing=True))
            walk = crossing + side * (LANE_M + PAVEMENT_M / 2)
            found.append(Lane(offset_m=walk, direction=side, walked=True, crossing=True))
    return found


def _houses(rng: Random, front: float, bend: float, crossing: float | None) -> list[House]:
    """A row of houses along one side, with the gap that a crossing road leaves."""
    rows = [(-8.0, FAR_M)] if crossing is None else [(-8.0, crossing - GAP_M), (crossing + GAP_M, FAR_M)]
    found = []
    for y, end in rows:
        while y < end - 1:
            far = min(y + rng.uniform(6, 18), end)
            house = House(
                start=(front + bend * y * y, y),
                end=(front + bend * far * far, far),
                deep_m=math.copysign(DEPTH_M, front),
                height_m=rng.uniform(7, 20),
                wall=rng.choice(WALLS),
                shop=rng.choice(SHOPS),
            )
            if rng.random() > 0.06:
                found.append(house)
            y = far
    return found


def _trees(rng: Random, side: float, bend: float, crossing: float | None) -> list[Point]:
    """Trees behind the kerb at x = `side`, none in a crossing road."""
    spacing = rng.uniform(11, 40)
    y = rng.uniform(16, 16 + spacing)
    found = []
    while y < 110:
        x = side + math.copysign(rng.uniform(1.0, 2.6), side) + bend * y * y
        if rng.random() < 0.75 and (crossing is None or abs(y - crossing) > GAP_M):
            found.append((x, y, rng.uniform(5.5, 10)))
        y += spacing * rng.uniform(0.7, 1.3)
    return found
