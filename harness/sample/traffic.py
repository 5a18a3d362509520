"""Who is on the road in one frame: how many of each class, where, of which shape and colours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np

from harness.sample import palette
from harness.sample.geometry import DRAWN_PX, OVERSAMPLING, Array, footprint, outside
from harness.sample.people import GAITS, bicycle, motorbike, pedestrian
from harness.sample.site import Lane, Site, in_sight
from harness.sample.solids import Model
from harness.sample.vehicles import bus, car, truck

CLASSES = ("person", "bicycle", "car", "motorbike", "bus", "truck")
MARGIN_M = 0.25


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One thing that is labelled.

    Args:
        label: index into `CLASSES`.
        heading: radians from +y (away from the camera) towards +x.
        size: factor on the model's measures.
    """

    label: int
    model: Model
    x_m: float
    y_m: float
    heading: float
    size: float
    paints: Mapping[str, tuple[int, int, int]]

    @cached_property
    def ground(self) -> Array:
        """Corners [4, 2] of the ground it covers."""
        return footprint(self.x_m, self.y_m, self.heading, self.model.width_m * self.size, self.model.length_m * self.size)


@dataclass(frozen=True, kw_only=True, slots=True)
class Habit:
    """How often a class is met, and how near: both as a detector's labels see it.

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


HABITS = {
    "bus": Habit(mean=1.35, scale_px=10.0, spread=0.45, aside_m=0.15),
    "truck": Habit(mean=1.4, scale_px=14.0, spread=0.5, aside_m=0.2),
    "car": Habit(mean=8.5, scale_px=13.5, spread=0.5, aside_m=0.25),
    "motorbike": Habit(mean=1.45, scale_px=17.0, spread=0.45, aside_m=1.3),
    "bicycle": Habit(mean=1.45, scale_px=15.5, spread=0.45, aside_m=1.3),
    "person": Habit(mean=4.8, scale_px=11.0, spread=0.35, aside_m=1.5),
}


def populate(site: Site, rng: Random) -> list[Actor]:
    """The actors of one frame; their footprints never overlap. Big ones find a place first."""
    actors: list[Actor] = []
    for name, habit in HABITS.items():
        for _ in range(_poisson(rng, habit.mean * site.busy)):
            for _ in range(12):
                actor = _try(site, rng, name, habit, actors)
                if actor is not None and _free(actor, actors):
                    actors.append(actor)
                    break
    return actors


def _poisson(rng: Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _try(site: Site, rng: Random, name: str, habit: Habit, others: list[Actor]) -> Actor | None:
    """A candidate; None where it would stand outside the picture."""
    scale = habit.scale_px * math.exp(rng.gauss(0, habit.spread)) * OVERSAMPLING
    lane = rng.choice([lane for lane in site.lanes if _fits(lane, name, rng)])
    model = _shape(rng, name)
    aside = max(-habit.aside_m, min(habit.aside_m, rng.gauss(0, habit.aside_m / 1.5)))
    if lane.crossing:
        along = site.camera.x_m + rng.uniform(-18, 18)
    else:
        along = site.camera.reach_m(scale, lane.offset_m)
        ahead = [other for other in others if abs(other.x_m - site.spot(lane, other.y_m)[0]) < 1.2]
        if name == "car" and ahead and rng.random() < 0.5:
            leader = rng.choice(ahead)
            gap = (leader.model.length_m + model.length_m) / 2 + rng.uniform(0.8, 2.5)
            along = leader.y_m + rng.choice((-1, 1)) * gap
    x, y, heading = site.spot(lane, along, aside)
    if name == "person":
        heading += rng.choice((0, math.pi)) + rng.gauss(0, 0.3)
    if not _in_view(site, x, y):
        return None
    return Actor(
        label=CLASSES.index(name),
        model=model,
        x_m=x,
        y_m=y,
        heading=heading + rng.gauss(0, 0.03),
        size=rng.uniform(0.94, 1.06),
        paints=palette.paints(rng, name, model),
    )


def _fits(lane: Lane, name: str, rng: Random) -> bool:
    if name == "person":
        # Few step on the carriageway, between the vehicles.
        return lane.kind == "pavement" or rng.random() < 0.08
    return lane.kind == "road"


def _in_view(site: Site, x: float, y: float) -> bool:
    if y < 3 or not in_sight(site, x, y):
        return False
    (pixel,), _ = site.camera.project(np.array([[x, y, 0.6]]))
    return bool(-10 < pixel[0] < DRAWN_PX[0] + 10 and 20 < pixel[1] < DRAWN_PX[1] + 30)


def _free(actor: Actor, others: list[Actor]) -> bool:
    """Whether an edge of either footprint parts the actor from every other."""
    if not others:
        return True
    corners = np.array([actor.ground, *[other.ground for other in others]])
    beyond = (outside(corners) > MARGIN_M).any(axis=-1)
    return bool((beyond[0, 1:] | beyond[1:, 0]).all())


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
    return pedestrian(rng.randrange(GAITS))
