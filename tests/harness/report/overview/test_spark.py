import pytest

from harness.report.overview.spark import bar, sparkline


def test_a_line_rises_with_its_values():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"


def test_many_values_are_averaged_into_the_width():
    assert sparkline([0.0] * 50 + [8.0] * 50, width=10) == "▁▁▁▁▁█████"


def test_what_is_not_known_is_a_dot_and_not_the_lowest_level():
    assert sparkline([0.0, None, float("nan"), 1.0]) == "▁··█"
    assert sparkline([None, None]) == "··"
    assert sparkline([]) == ""


def test_equal_values_lie_in_the_middle():
    assert sparkline([3.0, 3.0]) == "▅▅"


def test_a_scale_that_is_given_holds():
    assert sparkline([50.0], low=0.0, high=100.0) == "▅"
    assert sparkline([200.0, -5.0], low=0.0, high=100.0) == "█▁"


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, ""), (1, "████"), (0.5, "██"), (0.28125, "█▏"), (9.0, "████"), (-1.0, "")]
)
def test_a_bar_is_as_long_as_its_share(share, drawn):
    assert bar(share, 4) == drawn
