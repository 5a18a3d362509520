"""What one camera looks at, drawn from a seed: its view, the road's lanes, the houses, trees and posts beside it."""

import math
from dataclasses import dataclass
from functools import cached_property
from random import Random

from harness.sample.geometry import HEIGHT_PX, OVERSAMPLING, Camera

LANE_M = 3.25
PAVEMENT_M = 3.6
FAR_M = 170.0
GAP_M = 9.0  # from the axis of a crossing road to the houses
PLACES = (
    "A1 Archway Rd", "A2 Old Kent Rd", "A10 Kingsland Rd", "A13 East India Dock", "A23 Brixton Hill", "A24 Balham Hill",
    "A40 Western Ave", "A41 Finchley Rd", "A205 South Circ", "A503 Seven Sisters", "A4 Piccadilly", "A11 Mile End Rd",
    "A3 Clapham Rd", "A20 Lewisham Way", "A406 North Circ", "A5 Edgware Rd",
)  # fmt: skip
CROSSINGS = ("High St", "Station Rd", "Church St", "Park Ln", "Mill Hill", "Green Ln", "Bridge St", "Manor Rd")
WALLS = (
    (128, 84, 66), (150, 108, 82), (172, 160, 140), (196, 188, 172),
    (120, 116, 112), (166, 140, 104), (98, 76, 66), (206, 204, 198),
)  # fmt: skip
SHOPS = ((150, 40, 40), (40, 70, 120), (50, 96, 60), (60, 60, 64), (196, 170, 80), (180, 180, 178), (96, 50, 96))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """A strip that traffic follows: along the road at `offset_m` from its axis, or across it at y = `offset_m`.

    Args:
        direction: +1 away from the camera or to the right, -1 against.
        kind: "road" for vehicles, "pavement" for people.
    """

    offset_m: float
    direction: int
    kind: str
    crossing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """A building: its facade runs along the road from `start_m` to `end_m`, at `face_m` from the axis."""

    start_m: float
    end_m: float
    face_m: float
    height_m: float
    wall: tuple[int, int, int]
    shop: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything about a camera's view that does not change from frame to frame."""

    number: int
    name: str
    place: str
    camera: Camera
    lanes_each_way: int
    bend: float  # the axis lies at x = bend * y^2
    crossing_m: float | None  # y of a crossing road's axis
    houses: tuple[House, ...]
    trees: tuple[tuple[float, float, float], ...]  # x, y, height
    posts: tuple[tuple[float, float], ...]  # x, y of street lamps
    faces: tuple[float, float]  # x of the house fronts left and right, from the axis
    bus_lane: bool
    lamp: tuple[float, float, float]  # colour of the street light, 0..1
    busy: float

    @property
    def half_m(self) -> float:
        """Half the carriageway."""
        return self.lanes_each_way * LANE_M

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """Lanes and pavements; traffic keeps to the left."""
        found = []
        for k in range(self.lanes_each_way):
            middle = (k + 0.5) * LANE_M
            found += [Lane(offset_m=-middle, direction=1, kind="road"), Lane(offset_m=middle, direction=-1, kind="road")]
        kerb = self.half_m + PAVEMENT_M / 2
        found += [Lane(offset_m=side * kerb, direction=side, kind="pavement") for side in (-1, 1)]
        if self.crossing_m is not None:
            for side in (-1, 1):
                found.append(Lane(offset_m=self.crossing_m + side * LANE_M / 2, direction=-side, kind="road", crossing=True))
                found.append(Lane(offset_m=self.crossing_m + side * (LANE_M + 1.8), direction=side, kind="pavement", crossing=True))
        return tuple(found)

    def spot(self, lane: Lane, along_m: float, aside_m: float = 0.0) -> tuple[float, float, float]:
        """(x, y, heading) of a place in a lane; `along_m` is y, or x in a crossing lane."""
        if lane.crossing:
            return along_m, lane.offset_m + aside_m, lane.direction * math.pi / 2
        slope = math.atan(2 * self.bend * along_m)
        return lane.offset_m + aside_m + self.bend * along_m**2, along_m, slope + (0 if lane.direction > 0 else math.pi)


def make_site(seed: int, number: int) -> Site:
    """Camera `number` (from 0) of a data set; a function of its arguments only."""
    rng = Random(f"{seed}/site/{number}")
    lanes = rng.choice((1, 1, 2, 2, 2))
    half = lanes * LANE_M
    crossing = rng.uniform(22, 42) if rng.random() < 0.45 else None
    camera = _camera(rng, half)
    far = [s * (half + PAVEMENT_M + rng.uniform(0.0, 4.0)) for s in (-1, 1)]
    return Site(
        number=number,
        name=f"{number // 9 + 1:05d}.{rng.randrange(1000, 9999):05d}",
        place=f"{PLACES[number % len(PLACES)]} / {rng.choice(CROSSINGS)}",
        camera=camera,
        lanes_each_way=lanes,
        bend=rng.choice((0, 0, 1, -1)) * rng.uniform(3e-4, 1.6e-3),
        crossing_m=crossing,
        houses=tuple(house for face in far for house in _houses(rng, face, crossing)),
        trees=tuple(_trees(rng, half, crossing)),
        posts=tuple((side * (half + 0.5), y) for k, y in enumerate(range(14, 120, 13)) if (side := 1 if k % 2 else -1)),
        faces=(far[0], far[1]),
        bus_lane=lanes > 1 and rng.random() < 0.5,
        lamp=rng.choice(((1.0, 0.66, 0.32), (1.0, 0.7, 0.4), (0.85, 1.0, 0.72), (0.95, 0.95, 1.0))),
        busy=rng.uniform(0.75, 1.3),
    )


def _camera(rng: Random, half: float) -> Camera:
    height, pitch = rng.uniform(6.5, 14), math.radians(rng.uniform(15, 27))
    x = rng.choice((-1, 1)) * rng.uniform(0.2, 1.0) * (half + 1.5)
    aim = height / math.tan(pitch)
    yaw = math.atan2(-x * rng.uniform(0.5, 1.2), aim) + math.radians(rng.uniform(-4, 4))
    focal = rng.uniform(1.02, 1.45) * HEIGHT_PX * OVERSAMPLING
    return Camera(x_m=x, height_m=height, yaw=yaw, pitch=pitch, focal_px=focal)


def _houses(rng: Random, face: float, crossing: float | None) -> list[House]:
    """A row of houses along one side, with the gap that a crossing road leaves."""
    rows = [(-8.0, FAR_M)] if crossing is None else [(-8.0, crossing - GAP_M), (crossing + GAP_M, FAR_M)]
    found = []
    for y, end in rows:
        height, wall = rng.uniform(8, 18), rng.choice(WALLS)
        while y < end - 1:
            length = min(rng.uniform(6, 18), end - y)
            if rng.random() < 0.6:
                height, wall = rng.uniform(7, 20), rng.choice(WALLS)
            if rng.random() > 0.06:
                shop = rng.choice(SHOPS)
                found.append(House(start_m=y, end_m=y + length, face_m=face, height_m=height, wall=wall, shop=shop))
            y += length
    return found


def _trees(rng: Random, half: float, crossing: float | None) -> list[tuple[float, float, float]]:
    found = []
    for side in (-1, 1):
        spacing = rng.uniform(11, 40)
        y = rng.uniform(16, 16 + spacing)
        while y < 110:
            clear = crossing is None or abs(y - crossing) > 9
            if clear and rng.random() < 0.75:
                found.append((side * (half + rng.uniform(1.0, 2.6)), y, rng.uniform(5.5, 10)))
            y += spacing * rng.uniform(0.7, 1.3)
    return found


def in_sight(site: Site, x_m: float, y_m: float) -> bool:
    """Whether no house at the corner of a crossing stands between the camera and a spot in the crossing road."""
    face = site.faces[0] if x_m < site.camera.x_m else site.faces[1]
    if site.crossing_m is None or abs(x_m) < abs(face):
        return True
    passes_at = y_m * (face - site.camera.x_m) / (x_m - site.camera.x_m)
    return passes_at > site.crossing_m - GAP_M + 1
