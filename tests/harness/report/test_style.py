import itertools
import re

import matplotlib as mpl
import pytest

from harness.report.style import LOOKS, add_foot, log_axis, look, new_figure, render, style


def lightness(colour):
    """CIE L*, 0 to 100, of a colour #rrggbb (IEC 61966-2-1 and CIE 1976)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * light ** (1 / 3) - 16 if light > 0.008856 else 903.3 * light


def test_neighbours_differ_in_grey_and_all_differ_without_colour():
    shades = [lightness(one.colour) for one in LOOKS]

    assert all(abs(one - other) > 6 for one, other in itertools.pairwise(shades))
    assert len({(one.marker, str(one.dash), one.hatch) for one in LOOKS}) == len(LOOKS)
    assert min(lightness(one.tint) for one in LOOKS) > 80, "black is read upon tints"
    assert look(len(LOOKS)) == look(0)


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
