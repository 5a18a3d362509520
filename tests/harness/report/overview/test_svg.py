"""Drawings: well-formed, of numbers alone, with what others wrote escaped."""

import xml.etree.ElementTree as ElementTree

import pytest

from harness.measure.waterfall import Row, Waterfall
from harness.report.overview import svg
from harness.report.overview.accuracy import DrawnBox, FrameScore
from harness.report.overview.machine import Lane, PhaseBar
from harness.report.overview.pictures import Picture

EVIL = '"><script>alert(1)</script>'


def parsed(drawing):
    return ElementTree.fromstring(str(drawing))


def paths(drawing, kind):
    return [each.get("d") for each in parsed(drawing).iter("path") if kind in each.get("class", "").split()]


def test_a_line_goes_through_its_points_and_breaks_where_there_is_none():
    line = svg.Line(kind="a", x=[0.0, 0.25, 0.5, 0.75, 1.0], y=[0.0, 10.0, None, 5.0, 0.0])
    assert paths(svg.plot("x", [line], 0.0, 10.0), "line") == ["M0 100L250 0M750 50L1000 100"]


def test_a_point_without_neighbours_is_a_dot():
    line = svg.Line(kind="a", x=[0.0, 0.5, 1.0], y=[None, 5.0, None])
    drawing = svg.plot("x", [line], 0.0, 10.0)
    assert paths(drawing, "dots") == ["M500 50h0"]
    assert paths(drawing, "line") == []


def test_values_outside_of_the_axis_stay_inside_of_the_plot():
    line = svg.Line(kind="a", x=[0.0, 1.0], y=[-50.0, 50.0])
    assert paths(svg.plot("x", [line], 0.0, 10.0), "line") == ["M0 100L1000 0"]


def test_a_band_lies_between_its_bounds():
    band = svg.Band(x=[0.0, 1.0], low=[2.0, 2.0], high=[8.0, 8.0])
    assert paths(svg.plot("x", [], 0.0, 10.0, band=band), "band") == ["M0 20L1000 20L1000 80L0 80Z"]


def test_many_values_have_few_places_that_a_pointer_finds():
    tips = [(number / 1000, str(number)) for number in range(1000)]
    drawing = parsed(svg.plot("x", [], 0.0, 1.0, tips=tips))
    assert len([each for each in drawing.iter("rect") if each.get("class") == "tip"]) <= 40


def test_the_bar_of_a_part_begins_where_those_before_it_end():
    rows = (
        Row(name="wait", a_s=0.0, b_s=4.0, low_s=3.0, high_s=5.0),
        Row(name="x", a_s=4.0, b_s=0.0, low_s=None, high_s=None),
    )
    whole = Waterfall(
        rows=rows, total=Row(name="total", a_s=4.0, b_s=4.0, low_s=None, high_s=None), runs=(1, 1)
    )
    first, second = (
        parsed(svg.fall(row, before_s, whole)) for row, before_s in zip(rows, (0.0, 4.0), strict=True)
    )
    places = [(each.find("rect").get("x"), each.find("rect").get("width")) for each in (first, second)]
    assert places == [("0", "800"), ("0", "800")]  # the axis goes from 0 to 5 s
    assert (first.find("rect").get("class"), second.find("rect").get("class")) == ("longer", "shorter")
    assert paths(svg.fall(rows[0], 0.0, whole), "whisker") == ["M600 10H1000"]


def test_boxes_stay_inside_of_their_frame_and_say_what_they_are():
    boxes = (
        DrawnBox(kind="missed", name=EVIL, box=(-5.0, 10.0, 500.0, 20.0), score=None),
        DrawnBox(kind="right", name="car", box=(1.0, 2.0, 3.0, 4.0), score=0.875),
    )
    picture = Picture(width_px=96, height_px=64, address="data:image/webp;base64,AAAA")
    drawing = parsed(svg.frame(f"frame {EVIL}", picture, FrameScore(name="f", boxes=boxes)))
    under, *drawn = drawing.iter("path")
    assert [each.get("d") for each in drawn] == ["M0 10H96V20H0z", "M1 2H3V4H1z"]
    assert under.get("d") == "M1 2H3V4H1zM0 10H96V20H0z"
    assert [each.get("class") for each in drawn] == ["box missed", "box right"]
    assert [each.find("title").text for each in drawn] == [f"missed: {EVIL}", "right: car, score 0.88"]
    assert drawing.get("aria-label") == f"frame {EVIL}"


@pytest.mark.parametrize("name", [EVIL, "epoch"])
def test_a_phase_that_nobody_knows_has_no_class_of_its_own(name):
    drawing = parsed(svg.phases("x", [PhaseBar(name=name, start_s=0.0, end_s=5.0, is_stage=False)], 10.0))
    (bar,) = drawing.iter("rect")
    assert bar.get("class") == ("phase epoch" if name == "epoch" else "phase other")
    assert bar.find("title").text == f"{name}: 0.0 s to 5.0 s"


def test_a_lane_without_samples_in_between_is_open_there():
    values = (1.0, 2.0, None, 4.0, 3.0)
    lane = Lane(name="x", unit="%", mean=values, low=values, high=values, top=4.0)
    assert paths(svg.lane("x", lane), "line") == ["M100 75L300 50M700 0L900 25"]


def test_a_share_is_drawn_between_nothing_and_all():
    widths = [each.get("width") for each in parsed(svg.share("x", 0.25)).iter("rect")]
    assert widths == ["1000", "250"]


def test_of_very_many_boxes_false_ones_of_low_score_are_left_out():
    box = (1.0, 2.0, 3.0, 4.0)
    false = [DrawnBox(kind="false", name="car", box=box, score=0.1)] * 500
    boxes = (*false, DrawnBox(kind="missed", name="bus", box=box, score=None))
    picture = Picture(width_px=96, height_px=64, address="data:image/webp;base64,AAAA")
    drawn = parsed(svg.frame("x", picture, FrameScore(name="f", boxes=boxes))).findall("path")
    assert len(drawn) == 1 + 60
    assert "box missed" in {each.get("class") for each in drawn}
