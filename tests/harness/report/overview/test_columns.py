import pytest

from harness.report.overview.columns import WIDTH, fit, table, width, wrapped


@pytest.mark.parametrize(("text", "columns"), [("car", 3), ("차", 2), ("e\u0301", 1), ("", 0)])
def test_the_width_of_a_text_is_in_columns_of_a_terminal(text, columns):
    assert width(text) == columns


def test_what_does_not_fit_ends_in_an_ellipsis():
    assert fit("motorbike", 5) == "moto…"
    assert fit("car", 3) == "car"
    assert fit("차차차", 4) == "차…"


def test_columns_stand_below_each_other_numbers_at_the_right():
    assert list(table([("class", "AP"), ("차", "0.5")], right=(1,))) == ["  class   AP", "  차     0.5"]


def test_no_row_is_wider_than_a_terminal_whatever_is_in_it():
    rows = [("a" * 500, "b", "c" * 300), ("x", "y", "z")]
    assert all(width(line) <= WIDTH for line in table(rows))
    assert len(list(table([("x" * 50,) * 8]))) == 1


def test_a_paragraph_is_wrapped_also_within_a_word_without_an_end():
    lines = list(wrapped("word " * 40 + "x" * 300))
    assert all(width(line) <= WIDTH for line in lines)
    assert "".join("".join(lines).split()) == "word" * 40 + "x" * 300


def test_nothing_makes_no_line():
    assert list(table([])) == list(wrapped("")) == []
