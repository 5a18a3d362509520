import pytest

from harness.text import (
    columns,
    duration,
    last_lines,
    listing,
    markdown_cell,
    number,
    one_line,
    shortened,
    shown,
    tell,
)


def test_columns_stand_below_each_other_and_lines_end_without_blanks():
    assert columns([("stage", "state"), ("download", "done"), ("vis", "")]) == (
        "stage     state\ndownload  done\nvis"
    )


def test_of_many_findings_the_first_are_listed_and_the_rest_counted():
    assert listing([1, 2, 3], shown=2) == "\n  1\n  2\n  … and 1 more"


def test_a_name_with_a_newline_is_no_line_of_its_own():
    assert listing(["a\nerror: forged"]) == "\n  a\\nerror: forged"
    assert shortened(["a\ndone", "b"]) == "a\\ndone, b"


def test_numbers_have_three_digits():
    assert [number(value) for value in (1234.5, 99.96, 0.012345)] == ["1,234", "100", "0.0123"]


def test_durations_are_told_in_the_unit_that_fits():
    assert [duration(seconds) for seconds in (12.34, 245, 7380)] == ["12.3 s", "4 min 05 s", "2 h 03 min"]


def test_the_end_of_a_log_is_its_last_fifteen_lines(tmp_path):
    log = tmp_path / "console.log"
    log.write_bytes(b"".join(b"line %d \xff\n" % number for number in range(20)))

    assert last_lines(log) == [f"line {number} \ufffd" for number in range(5, 20)]
    assert last_lines(tmp_path / "none") == []


def test_of_many_names_the_first_two_are_given():
    assert shortened(["a", "b"]) == "a, b"
    assert shortened(["a", "b", "c", "d"]) == "a, b and 2 more"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("car\x1b[2J\x1b]0;owned\x07", r"car\x1b[2J\x1b]0;owned\x07"),
        ("c1 \x9b2J", r"c1 \x9b2J"),
        ("over\rwritten\b", r"over\rwritten\x08"),
        ("gnp\u202e.exe", r"gnp\u202e.exe"),
        ("not UTF-8: \udcff", r"not UTF-8: \udcff"),
        ("two\n\tlines, and ä×汉", "two\n\tlines, and ä×汉"),
    ],
)
def test_control_characters_of_others_are_shown_as_escapes(text, expected, capsys):
    assert shown(text) == expected
    tell(text)
    assert capsys.readouterr().out == expected + "\n"


def test_a_line_without_end_is_cut_off_and_the_others_stay():
    assert shown("a" * 10_007 + "\nb") == "a" * 10_000 + "… and 7 more characters\nb"


def test_what_is_to_be_one_line_is_one():
    assert one_line("a\nb\tc") == r"a\nb\tc"
    assert one_line("abcdef", longest=4) == "abcd… and 2 more characters"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("<img src=x> & <!-- end -->", "&lt;img src=x&gt; &amp; &lt;!-- end --&gt;"),
        ("[here](javascript:x) `c` *b* _i_", r"\[here\](javascript:x) \`c\` \*b\* \_i\_"),
        ("two\nlines", r"two\\nlines"),
    ],
)
def test_nothing_in_a_cell_of_markdown_is_markup(text, expected):
    assert markdown_cell(text) == expected
