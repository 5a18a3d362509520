import pytest

from harness.clock import stamp, unix_s, utc

# `date -u -d @1772360100` says: Sun Mar  1 10:15:00 UTC 2026
MOMENT_S = 1_772_360_100


def test_a_moment_is_written_to_the_millisecond_and_read_back():
    assert utc(MOMENT_S + 0.25) == "2026-03-01T10:15:00.250Z"
    assert unix_s("2026-03-01T10:15:00.250Z") == MOMENT_S + 0.25


def test_names_of_files_have_a_moment_without_punctuation():
    assert stamp(MOMENT_S + 0.9) == "20260301T101500Z"


def test_what_is_no_moment_is_refused():
    with pytest.raises(ValueError, match="Invalid isoformat"):
        unix_s("yesterday")
