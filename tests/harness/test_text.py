from harness.text import columns, duration, last_lines, listing, number, shortened


def test_columns_stand_below_each_other_and_lines_end_without_blanks():
    assert columns([("stage", "state"), ("download", "done"), ("vis", "")]) == (
        "stage     state\ndownload  done\nvis"
    )


def test_of_many_findings_the_first_are_listed_and_the_rest_counted():
    assert listing([1, 2, 3], shown=2) == "\n  1\n  2\n  … and 1 more"


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
