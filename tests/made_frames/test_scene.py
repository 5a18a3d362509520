"""Who hides whom, and what is labelled."""

import datetime as dt
from random import Random

import numpy as np
import pytest
from PIL import Image

from made_frames.backdrop import make_backdrop
from made_frames.geometry import DRAWN_PX, OVERSAMPLING
from made_frames.light import light_up
from made_frames.moment import Moment, sun_over_london
from made_frames.optics import smear
from made_frames.overlay import cover
from made_frames.palette import paints
from made_frames.scene import Box, Scene
from made_frames.site import make_site
from made_frames.traffic import CLASSES, Actor, populate
from made_frames.vehicles import bus, car

NOTHING_COVERED = Image.new("L", DRAWN_PX)


def at(*when):
    return Moment(
        when=dt.datetime(*when), sun=sun_over_london(dt.datetime(*when)), cloud=0, wet=0, haze=0, drops=0
    )


NOON, NIGHT = at(2019, 6, 28, 13), at(2019, 12, 28, 22)


@pytest.fixture(scope="module")
def site():
    return make_site(1, 0)


@pytest.fixture(scope="module")
def backdrop(site):
    return make_backdrop(site, 1)


@pytest.fixture
def place(site):
    """Puts a model on the line of sight through the middle of the picture, a number of metres further on."""

    def put(model, *, further_m=0.0, label="car"):
        camera = site.camera
        reach = camera.height_m / np.tan(camera.pitch) + further_m
        spot = (camera.x_m + reach * np.tan(camera.yaw), reach, camera.yaw)
        return Actor(CLASSES.index(label), model, spot, paints(Random(1), model.name))

    return put


def drawn(site, backdrop, *actors, moment=NOON):
    scene = Scene(site, backdrop, actors, moment)
    return scene, scene.boxes(NOTHING_COVERED)


def test_a_car_that_nothing_hides_is_labelled_to_its_outline(site, backdrop, place):
    actor = place(car("saloon"))
    _, (box,) = drawn(site, backdrop, actor)
    pixels, _ = site.camera.project(actor.model.vertices @ actor.axes + actor.place)
    outline = [*(pixels.min(axis=0) / OVERSAMPLING), *(pixels.max(axis=0) / OVERSAMPLING)]
    assert [box.left, box.top, box.right, box.bottom] == pytest.approx(outline, abs=1.5)
    assert box.label == 2


def test_a_car_behind_a_bus_is_not_labelled(site, backdrop, place):
    _, boxes = drawn(site, backdrop, place(car("hatch"), further_m=8.2), place(bus("double"), label="bus"))
    assert [box.label for box in boxes] == [4]


def test_what_lies_under_the_caption_is_not_part_of_the_box(site, backdrop, place):
    scene, (whole,) = drawn(site, backdrop, place(bus("double"), label="bus"))
    covered = NOTHING_COVERED.copy()
    middle = int(whole.top + whole.bottom)  # of the drawing, which is twice as fine
    covered.paste(255, (0, middle, *DRAWN_PX))
    (cut,) = scene.boxes(covered)
    assert (cut.left, cut.top, cut.bottom) == (whole.left, whole.top, middle / 2)


def test_a_label_line_is_the_class_and_the_normalised_middle_and_size():
    box = Box(label=5, left=88, top=72, right=264, bottom=216)
    assert box.line() == "5 0.500000 0.500000 0.500000 0.500000\n"


def test_footprints_on_a_busy_road_never_overlap(site):
    for seed in range(10):
        actors = populate(site, Random(seed))
        for actor in actors:
            points = np.array([(x, y) for x in np.linspace(-0.5, 0.5, 5) for y in np.linspace(-0.5, 0.5, 15)])
            points = (
                points * (actor.model.width_m, actor.model.length_m) @ actor.axes[:2, :2] + actor.place[:2]
            )
            for other in actors:
                local = np.abs((points - other.place[:2]) @ other.axes[:2, :2].T)
                inside = (local < (other.model.width_m / 2, other.model.length_m / 2)).all(axis=1)
                assert other is actor or not inside.any()


def test_night_is_darker_than_noon_but_for_the_lamps(site, backdrop, place):
    actor = place(car("cab"))
    noon = light_up(drawn(site, backdrop, actor)[0], backdrop, NOON)
    night = light_up(drawn(site, backdrop, actor, moment=NIGHT)[0], backdrop, NIGHT)
    assert np.median(night) < np.median(noon) / 2
    assert night.max() > 200


def test_a_broken_transmission_repeats_one_row():
    picture = Image.effect_noise((352, 288), 50).convert("RGB")
    rows = np.asarray(smear(picture, 100))
    assert (rows[100:] == rows[100]).all()
    assert (rows[:100] == np.asarray(picture)[:100]).all()


def test_bar_and_caption_cover_the_picture_and_the_roundel_does_not():
    mask = np.asarray(cover())
    assert mask[5, 50] == mask[280, 200] == 255
    assert mask[10, 300] == mask[150, 150] == 0
