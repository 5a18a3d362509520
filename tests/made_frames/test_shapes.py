"""Shapes of vehicles and people: closed towards the outside, as big as they say, and of the right colours."""

from random import Random

import numpy as np
import pytest

from made_frames.palette import paints
from made_frames.people import STEPS_M, bicycle, motorbike, pedestrian
from made_frames.solids import Model, box
from made_frames.vehicles import CARS, bus, car, truck

MODELS = [
    *[car(style) for style in CARS],
    *[bus(style) for style in ("double", "single")],
    *[truck(style) for style in ("van", "lorry", "tipper")],
    *[motorbike(style) for style in ("bike", "scooter", "delivery")],
    *[bicycle(style) for style in ("racer", "city")],
    *[pedestrian(style) for style in STEPS_M],
]
by_name = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def test_faces_of_a_box_look_outward():
    model = Model("box", (2, 4, 1), box((-1, 1), (-2, 2), (0, 1), "paint"))
    outward = ((model.centres - np.array([0, 0, 0.5])) * model.normals).sum(axis=1)
    assert outward == pytest.approx([2, 0.5, 2, 1, 1])


@by_name
def test_a_model_fills_the_measures_it_claims(model):
    claimed = np.array([model.width_m, model.length_m, model.height_m])
    extent = np.array(
        [2 * np.abs(model.vertices[:, 0]).max(), np.ptp(model.vertices[:, 1]), model.vertices[:, 2].max()]
    )
    assert extent == pytest.approx(claimed, abs=0.25)


@by_name
def test_every_material_has_a_colour(model):
    assert set(model.materials) <= set(paints(Random(1), model.name))


def test_buses_are_red_cabs_black_and_most_vans_white():
    red, green, blue = np.median([paints(Random(k), "double")["paint"] for k in range(50)], axis=0)
    assert red > 3 * max(green, blue)
    assert max(np.median([paints(Random(k), "cab")["paint"] for k in range(50)], axis=0)) < 40
    assert min(np.median([paints(Random(k), "van")["paint"] for k in range(50)], axis=0)) > 200
