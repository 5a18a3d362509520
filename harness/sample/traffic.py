"""Who is on the road in one frame: how many of each class, where, of which shape and colours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import numpy as np

from harness.sample.geometry import DRAWN_PX, OVERSAMPLING, Array, footprint, outside
from harness.sample.palette import Colour, paints
from harness.sample.people import STEPS_M, bicycle, motorbike, pedestrian
from harness.sample.site import Lane, Site
from harness.sample.solids import Model
from harness.sample.vehicles import bus, car, truck

CLASSES = ("person", "bicycle", "car", "motorbike", "bus", "truck")
MARGIN_M = 0.25
ATTEMPTS = 14
MOST_ACTORS = 200  # of a frame: its map of them is one byte a pixel


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """One thing that is labelled.

    Args:
        label: index into `CLASSES`.
        heading: radians from +y (away from the camera) towards +x.
        size: factor on the model's measures.
        ground: corners [4, 2] of what it covers.
        paints: colour of each material.
    """

    label: int
    model: Model
    x_m: float
    y_m: float
    heading: float
    size: float
    ground: Array
    paints: Mapping[str, Colour]

    @property
    def axes(self) -> Array:
        """Rows are the world directions of the model's x, y and z, [3, 3]."""
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, kw_only=True, slots=True)
class Habit:
    """How often a class is met, and how near.

    Args:
        mean: of the number a frame.
        scale_px: median pixels of the frame to a metre where it stands.
        spread: of the logarithm of that scale.
        aside_m: how far it strays from the middle of its lane.
    """

    mean: float
    scale_px: float
    spread: float
    aside_m: float


HABITS = {  # in the order in which they find a place: the big ones first
    "bus": Habit(mean=1.45, scale_px=8.6, spread=0.45, aside_m=0.15),
    "truck": Habit(mean=1.5, scale_px=15.0, spread=0.45, aside_m=0.2),
    "car": Habit(mean=8.5, scale_px=15.8, spread=0.5, aside_m=0.25),
    "motorbike": Habit(mean=1.95, scale_px=22.0, spread=0.45, aside_m=1.3),
    "bicycle": Habit(mean=1.75, scale_px=20.0, spread=0.45, aside_m=1.3),
    "person": Habit(mean=5.2, scale_px=11.5, spread=0.35, aside_m=1.5),
}


def populate(site: Site, rng: Random) -> list[Actor]:
    """The actors of one frame; their footprints never overlap."""
    actors: list[Actor] = []
    for name, habit in HABITS.items():
        for _ in range(_poisson(rng, habit.mean * site.busy)):
            model = _shape(rng, name)
            colours = paints(rng, model.name)
            for _ in range(ATTEMPTS):
                actor = _candidate(site, rng, name, model, colours, actors)
                if _in_view(site, actor) and _free(actor, actors):
                    actors.append(actor)
                    break
    return actors[:MOST_ACTORS]


def _poisson(rng: Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _candidate(
    site: Site, rng: Random, name: str, model: Model, colours: Mapping[str, Colour], others: list[Actor]
) -> Actor:
    """One try at a place, which may be out of view or taken."""
    lane, most = _lane(site, rng, name), HABITS[name].aside_m
    aside = max(-most, min(most, rng.gauss(0, most / 1.5)))
    x, y, heading = site.spot(lane, _along(site, rng, name, lane, model, others), aside)
    if name == "person":
        heading += rng.choice((0, math.pi)) + rng.gauss(0, 0.3)
    heading, size = heading + rng.gauss(0, 0.03), rng.uniform(0.94, 1.06)
    return Actor(
        label=CLASSES.index(name),
        model=model,
        x_m=x,
        y_m=y,
        heading=heading,
        size=size,
        ground=footprint(x, y, heading, model.width_m * size, model.length_m * size),
        paints=colours,
    )


def _lane(site: Site, rng: Random, name: str) -> Lane:
    # Few people step on the carriageway, between the vehicles.
    walked = name == "person" and rng.random() > 0.12
    lanes = [lane for lane in site.lanes if lane.walked == walked]
    return rng.choices(lanes, [0.4 if lane.crossing else 1.0 for lane in lanes])[0]


def _along(site: Site, rng: Random, name: str, lane: Lane, model: Model, others: list[Actor]) -> float:
    """Where in the lane: at the distance that fits the class, or close to another vehicle, as in a queue."""
    if lane.crossing:
        return site.camera.x_m + rng.uniform(-18, 18)
    queue = [other for other in others if abs(other.x_m - site.spot(lane, other.y_m)[0]) < 1.2]
    if name == "car" and queue and rng.random() < 0.5:
        leader = rng.choice(queue)
        gap = (leader.model.length_m + model.length_m) / 2 + rng.uniform(0.8, 2.5)
        return leader.y_m + rng.choice((-1, 1)) * gap
    scale = HABITS[name].scale_px * math.exp(rng.gauss(0, HABITS[name].spread)) * OVERSAMPLING
    return site.camera.reach_m(scale, lane.offset_m)


def _in_view(site: Site, actor: Actor) -> bool:
    if actor.y_m < 3 or not site.in_sight(actor.x_m, actor.y_m):
        return False
    (pixel,), _ = site.camera.project(np.array([[actor.x_m, actor.y_m, 0.6]]))
    return bool(-10 < pixel[0] < DRAWN_PX[0] + 10 and 20 < pixel[1] < DRAWN_PX[1] + 30)


def _free(actor: Actor, others: list[Actor]) -> bool:
    """Whether an edge of either footprint parts the actor from every other."""
    near = []
    for other in others:
        reach = (actor.model.length_m + other.model.length_m) / 2 + 1
        if abs(other.y_m - actor.y_m) < reach and abs(other.x_m - actor.x_m) < reach:
            near.append(other.ground)
    if not near:
        return True
    own, theirs = actor.ground[None], np.array(near)
    parted = (outside(own, theirs)[0] > MARGIN_M).any(axis=-1) | (outside(theirs, own)[:, 0] > MARGIN_M).any(axis=-1)
    return bool(parted.all())


def _shape(rng: Random, name: str) -> Model:
    if name == "car":
        return car(rng.choices(("hatch", "saloon", "estate", "cab"), (38, 24, 24, 14))[0])
    if name == "bus":
        return bus(rng.choices(("double", "single"), (82, 18))[0])
    if name == "truck":
        return truck(rng.choices(("van", "lorry", "tipper"), (50, 36, 14))[0])
    if name == "motorbike":
        return motorbike(rng.choices(("bike", "scooter", "delivery"), (40, 30, 30))[0])
    if name == "bicycle":
        return bicycle(rng.choice(("racer", "city")))
    return pedestrian(rng.randrange(len(STEPS_M)))
