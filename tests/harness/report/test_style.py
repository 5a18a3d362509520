import itertools
import os
import re
import subprocess
import sys

import matplotlib as mpl
import matplotlib.backends.backend_agg
import numpy as np
import pytest
from matplotlib.layout_engine import LayoutEngine

from harness.report.style import MOST_LOOKS, add_foot, log_axis, look, marker_of, new_figure, render, style


def lightness(colour):
    """CIE L*, 0 to 100, of a colour #rrggbb (IEC 61966-2-1 and CIE 1976)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * light ** (1 / 3) - 16 if light > 0.008856 else 903.3 * light


def lab(colour):
    """CIE L*a*b* (D65) of a colour #rrggbb."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = np.array(
        [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    )
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratios = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_neighbours_differ_in_grey_and_24_looks_differ_without_colour():
    looks = [look(place) for place in range(24)]
    shades = [lightness(one.colour) for one in looks]

    assert MOST_LOOKS == 24
    assert all(abs(one - other) > 6 for one, other in itertools.pairwise(shades))
    assert len({str(one.marker) for one in looks}) == 24
    assert len({(one.colour, str(one.dash)) for one in looks}) == 24
    assert len({one.hatch for one in looks}) == 24
    assert look(24) == look(0)


def test_24_markers_can_be_told_apart_in_grey_at_the_size_they_are_drawn():
    def ink(place):
        figure = mpl.figure.Figure(figsize=(0.2, 0.2), dpi=150)
        canvas = mpl.backends.backend_agg.FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(-1, 1), ylim=(-1, 1))
        axes.plot(
            0, 0, **{**marker_of(look(place)), "color": "black", "markerfacecolor": "black"}, markersize=4.5
        )
        canvas.draw()
        return 1 - np.asarray(canvas.buffer_rgba())[..., 0] / 255

    drawn = [ink(place) for place in range(24)]
    differences = [
        np.abs(one - other).sum() / min(one.sum(), other.sum())
        for one, other in itertools.combinations(drawn, 2)
    ]
    assert min(differences) > 0.2, "a fifth of the ink lies elsewhere"


def test_tints_of_phases_can_be_told_apart_and_black_is_read_upon_them():
    # A difference of 2.3 is just noticeable side by side; large areas far apart need several times that.
    tints = [look(place).tint for place in range(12)]

    assert min(lightness(tint) for tint in tints) > 80
    assert min(np.linalg.norm(lab(one) - lab(other)) for one, other in itertools.combinations(tints, 2)) > 12


def drawn():
    with style():
        made = new_figure(1.0, "A title")
        made.subplots().plot([1, 2], [3, 4], label="a line")
        add_foot(made, made.axes, "a note")
        return render(made)


def test_the_same_values_give_the_same_bytes_whatever_a_user_prefers():
    first = drawn()
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "axes.facecolor": "red"}):
        assert drawn() == first
    assert not re.search(rb"<dc:date>|20\d\d-\d\d-\d\dT", first["svg"])
    assert b"Software" not in first["png"]


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((12.0, 90.0), ["20", "50", "100"]),
        ((30.0, 4000.0), ["100", "1,000"]),
        ((0.3, 4.0), ["0.5", "1", "2"]),
    ],
)
def test_a_logarithmic_axis_has_numbers_that_people_read(ends, labels):
    with style():
        axes = new_figure(2.0, "").subplots()
        log_axis(axes.xaxis, *ends)
        low, high = axes.get_xlim()
        shown = [
            axes.xaxis.get_major_formatter()(at) for at in axes.xaxis.get_majorticklocs() if low <= at <= high
        ]

    assert [label for label in shown if label in labels] == labels


class Nudged(LayoutEngine):
    """Lays axes out with a solver's error in their places."""

    _adjust_compatible = _colorbar_gridspec = False

    def __init__(self, error):
        super().__init__()
        self.error = error

    def execute(self, fig):
        for place, axes in enumerate(fig.axes):
            axes.set_position((0.1 + self.error, 0.1 + place / 3, 0.8 - self.error, 0.1))


def test_errors_of_the_solver_of_the_layout_change_no_byte():
    def drawn(error):
        with style():
            figure = new_figure(3.0, "A title")
            for axes in figure.subplots(3):
                axes.plot([1, 2], [3, 4])
            figure.set_layout_engine(Nudged(error))
            return render(figure)

    assert drawn(0.0) == drawn(1e-16) == drawn(-3e-15)


def test_processes_draw_the_same_bytes():
    code = """
import hashlib
from harness.report.style import add_foot, new_figure, render, style
with style():
    figure = new_figure(3.0, "A title")
    for place, axes in enumerate(figure.subplots(3, sharex=True, height_ratios=[1.7, 5, 5])):
        axes.plot([0.1, 0.7], [0.3, 0.9], label=f"line {place}")
        axes.text(0.25, 0.5, "word", clip_on=True)
    add_foot(figure, figure.axes, "a note")
    print({kind: hashlib.sha256(picture).hexdigest() for kind, picture in render(figure).items()})
"""
    drawings = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in range(3)
    }

    assert len(drawings) == 1


def test_a_name_too_long_for_one_line_of_the_legend_stays_in_the_picture():
    with style():
        figure = new_figure(1.0, "a title")
        axes = figure.add_subplot()
        for number in range(2):
            axes.plot([0, 1], [0, number], label=f"platform {number}: {'a machine of some kind, ' * 6}")
        add_foot(figure, [axes])
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box, page = legend.get_window_extent(), figure.bbox

    assert page.x0 <= box.x0
    assert box.x1 <= page.x1
    assert page.y0 <= box.y0
