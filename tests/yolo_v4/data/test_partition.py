import pytest

from yolo_v4.data.partition import shards


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, ["abcde"]),
        (1, ["abcde"]),
        (2, ["ab", "cde"]),
        (5, ["a", "b", "c", "d", "e"]),
        (6, ["", "", "", "", "", "abcde"]),
    ],
)
def test_shards_are_of_equal_length_and_the_last_takes_the_rest(count: int, expected: list[str]) -> None:
    assert shards("abcde", count) == expected
