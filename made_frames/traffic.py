"""Who is on the road in one frame: how many of each class, where, of which shape and colours."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import numpy as np

from made_frames.geometry import DRAWN_PX, OVERSAMPLING, footprint, outside
from made_frames.palette import Colour, paints
from made_frames.people import STEPS_M, bicycle, motorbike, pedestrian
from made_frames.site import Lane, Site
from made_frames.solids import Model, Point
from made_frames.vehicles import bus, car, truck

CLASSES = ("person", "bicycle", "car", "motorbike", "bus", "truck")
MARGIN_M = 0.25
ATTEMPTS = 14
MOST_ACTORS = 200  # of a frame: its map of them is one byte a pixel


class Actor:
    """One thing that is labelled.

    Args:
        label: index into `CLASSES`.
        spot: (x, y, heading) of its middle; heading in radians from +y (away from the camera) towards +x.
        paints: colour of each material.
    """

    def __init__(self, label: int, model: Model, spot: Point, paints: Mapping[str, Colour]) -> None:
        x, y, heading = spot
        sin, cos = math.sin(heading), math.cos(heading)
        self.label = label
        self.model = model
        self.paints = paints
        self.x_m = x
        self.y_m = y
        self.place = np.array([x, y, 0.0])
        # Rows are the world directions of the model's x, y and z.
        self.axes = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        self.ground = footprint(x, y, heading, model.width_m, model.length_m)


@dataclass(frozen=True, kw_only=True, slots=True)
class Habit:
    """How often a class is met, how near, and in which shapes.

    Args:
        mean: of the number a frame.
        scale_px: median pixels of the frame to a metre where it stands.
        spread: of the logarithm of that scale.
        aside_m: how far it strays from the middle of its lane.
        styles: of `model`, with their shares.
    """

    mean: float
    scale_px: float
    spread: float
    aside_m: float
    model: Callable[[str], Model]
    styles: Mapping[str, float]


_CARS = {"hatch": 38, "saloon": 24, "estate": 24, "cab": 14}
_BUSES = {"double": 82, "single": 18}
_TRUCKS = {"van": 50, "lorry": 36, "tipper": 14}
_BIKES = {"bike": 40, "scooter": 30, "delivery": 30}
_CYCLES = {"racer": 50, "city": 50}
_WALKS = dict.fromkeys(STEPS_M, 25)
# In the order in which they find a place: the big ones first.
HABITS = {
    "bus": Habit(mean=1.45, scale_px=8.6, spread=0.45, aside_m=0.15, model=bus, styles=_BUSES),
    "truck": Habit(mean=1.5, scale_px=14.2, spread=0.45, aside_m=0.2, model=truck, styles=_TRUCKS),
    "car": Habit(mean=8.5, scale_px=15.8, spread=0.5, aside_m=0.25, model=car, styles=_CARS),
    "motorbike": Habit(mean=1.95, scale_px=22, spread=0.45, aside_m=1.3, model=motorbike, styles=_BIKES),
    "bicycle": Habit(mean=1.75, scale_px=20, spread=0.45, aside_m=1.3, model=bicycle, styles=_CYCLES),
    "person": Habit(mean=5.2, scale_px=11.5, spread=0.35, aside_m=1.5, model=pedestrian, styles=_WALKS),
}


def populate(site: Site, rng: Random) -> list[Actor]:
    """The actors of one frame; their footprints never overlap."""
    actors: list[Actor] = []
    for name, habit in HABITS.items():
        for _ in range(_poisson(rng, habit.mean * site.busy)):
            model = habit.model(rng.choices(list(habit.styles), list(habit.styles.values()))[0])
            colours = paints(rng, model.name)
            for _ in range(ATTEMPTS):
                spot = _spot(site, rng, name, model, actors)
                if not _in_view(site, *spot[:2]):
                    continue
                actor = Actor(CLASSES.index(name), model, spot, colours)
                if _free(actor, actors):
                    actors.append(actor)
                    break
    return actors[:MOST_ACTORS]


def _poisson(rng: Random, mean: float) -> int:
    limit = math.exp(-mean)
    product = rng.random()
    count = 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _spot(site: Site, rng: Random, name: str, model: Model, others: list[Actor]) -> Point:
    """(x, y, heading) of one try at a place, which may be out of view or taken."""
    habit = HABITS[name]
    person = name == "person"
    walked = person and rng.random() > 0.12  # few step on the carriageway, between the vehicles
    lanes = [lane for lane in site.lanes if lane.walked == walked]
    lane = rng.choices(lanes, [0.4 if lane.crossing else 1.0 for lane in lanes])[0]
    aside = max(-habit.aside_m, min(habit.aside_m, rng.gauss(0, habit.aside_m / 1.5)))
    x, y, heading = site.spot(lane, _along(site, rng, name, lane, model, others), aside)
    return x, y, heading + (rng.choice((0, math.pi)) + rng.gauss(0, 0.3) if person else rng.gauss(0, 0.03))


def _along(site: Site, rng: Random, name: str, lane: Lane, model: Model, others: list[Actor]) -> float:
    """Where in the lane: at the distance that fits the class, or close to another vehicle, as in a queue."""
    if lane.crossing:
        return site.camera.x_m + rng.uniform(-18, 18)
    queue = []
    if name == "car":
        queue = [other for other in others if abs(other.x_m - site.spot(lane, other.y_m)[0]) < 1.2]
    if queue and rng.random() < 0.5:
        leader = rng.choice(queue)
        gap = (leader.model.length_m + model.length_m) / 2 + rng.uniform(0.8, 2.5)
        return leader.y_m + rng.choice((-1, 1)) * gap
    scale = HABITS[name].scale_px * math.exp(rng.gauss(0, HABITS[name].spread)) * OVERSAMPLING
    return site.camera.reach_m(scale, lane.offset_m)


def _in_view(site: Site, x: float, y: float) -> bool:
    if y < 3 or not site.in_sight(x, y):
        return False
    ((u, v),), _ = site.camera.project(np.array([[x, y, 0.6]]))
    return bool(-10 < u < DRAWN_PX[0] + 10 and 20 < v < DRAWN_PX[1] + 30)


def _free(actor: Actor, others: list[Actor]) -> bool:
    """Whether an edge of either footprint parts the actor from every other."""
    near = []
    for other in others:
        reach = (actor.model.length_m + other.model.length_m) / 2 + 1
        if abs(other.x_m - actor.x_m) < reach and abs(other.y_m - actor.y_m) < reach:
            near.append(other.ground)
    if not near:
        return True
    own = actor.ground[None]
    theirs = np.array(near)
    parted_by_own = (outside(own, theirs)[0] > MARGIN_M).any(axis=-1)
    parted_by_theirs = (outside(theirs, own)[:, 0] > MARGIN_M).any(axis=-1)
    return bool((parted_by_own | parted_by_theirs).all())
