from datetime import datetime, timedelta

import numpy as np
import pytest
from matplotlib.dates import num2date

from harness.engine.prediction import CameraCounts
from harness.report.counts import (
    MOST_CAMERAS,
    MOST_POINTS,
    NUMBER,
    SECONDS,
    TIME,
    counts_figure,
    counts_plot,
    x_axis,
)
from harness.report.style import style


def camera(name, cars, *, times=None, seconds=None, frames=None):
    count = len(cars)
    return CameraCounts(
        camera=name,
        times=times or [None] * count,
        seconds=seconds or [None] * count,
        frames=frames or [f"{name}/{number}.jpg" for number in range(count)],
        counts={"bus": [0] * count, "car": list(cars)},
    )


def minutes(count, start=datetime(2026, 3, 1, 10, 0)):
    return [start + timedelta(minutes=number) for number in range(count)]


def test_a_panel_a_camera_has_a_line_for_each_class_that_was_found():
    with style():
        figure = counts_figure(
            [camera("b", [1, 0, 2], times=minutes(3)), camera("a", [0, 4, 0], times=minutes(3))]
        )

    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["car"]
    assert [line.get_ydata().tolist() for axes in figure.axes for line in axes.lines] == [
        [0, 4, 0],
        [1, 0, 2],
    ]
    drawn = [num2date(x).replace(tzinfo=None) for x in figure.axes[0].lines[0].get_xdata(orig=False)]
    assert drawn == minutes(3)


def test_pictures_are_drawn_in_the_order_of_time():
    times = minutes(3)
    with style():
        figure = counts_figure([camera("a", [3, 1, 2], times=[times[2], times[0], times[1]])])

    assert figure.axes[0].lines[0].get_ydata().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("cameras", "axis"),
    [
        ([camera("a", [1, 2], times=minutes(2)), camera("b", [1], times=minutes(1))], TIME),
        ([camera("a", [1, 2], times=minutes(2)), camera("b", [1])], NUMBER),
        ([camera("a", [1, 2], seconds=[0.0, 0.2], frames=["a.mp4"] * 2)], SECONDS),
        ([camera("a", [1, 2], seconds=[0.0, 0.0], frames=["a.mp4", "b.mp4"])], NUMBER),
    ],
)
def test_the_axis_is_time_where_it_is_known_of_all_else_that_of_the_videos_else_the_order(cameras, axis):
    assert x_axis(cameras) == axis
    with style():
        assert counts_figure(cameras).axes[-1].get_xlabel() == axis


def test_many_pictures_are_means_and_the_foot_says_of_how_many():
    cars = np.arange(2 * MOST_POINTS + 1)
    with style():
        figure = counts_figure([camera("a", cars.tolist())])

    line = figure.axes[0].lines[0]
    assert len(line.get_xdata()) <= MOST_POINTS
    assert line.get_ydata()[:2].tolist() == [1.0, 4.0]
    assert "a point is the mean of up to 3 of them" in figure.texts[-1].get_text()


def test_of_many_cameras_those_with_most_objects_are_drawn_and_the_others_told():
    cameras = [camera(f"c{number:02d}", [number]) for number in range(MOST_CAMERAS + 3)]
    with style():
        figure = counts_figure(cameras)

    assert [axes.get_title(loc="left") for axes in figure.axes] == [one.camera for one in cameras[3:]]
    assert "3 more cameras with fewer objects are in counts.csv" in figure.texts[-1].get_text()


def test_nothing_is_drawn_where_nothing_was_found():
    assert counts_plot([]) == {}
    assert counts_plot([camera("a", [0, 0])]) == {}


def test_names_in_letters_that_the_font_lacks_are_no_warning():
    drawn = counts_plot([camera("카메라 1", [1, 2])])

    assert drawn["png"].startswith(b"\x89PNG")
    assert b"<svg" in drawn["svg"]
