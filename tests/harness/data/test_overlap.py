import pytest

from harness.data.overlap import corners, iou


def test_the_overlap_is_intersection_over_union():
    # Squares of 100: the same one; 50 by 100 in common; 50 by 50 in common; side by side; far away.
    others = [
        (0, 0, 100, 100),
        (50, 0, 150, 100),
        (50, 50, 150, 150),
        (100, 0, 200, 100),
        (300, 300, 301, 301),
    ]

    found = iou((0, 0, 100, 100), corners(others))

    assert found.tolist() == pytest.approx([1, 5000 / 15000, 2500 / 17500, 0, 0])


def test_a_box_inside_another_has_its_share_of_it():
    assert iou((0, 0, 10, 10), [(2, 3, 7, 5)]).tolist() == [0.1]
    assert iou((2, 3, 7, 5), [(0, 0, 10, 10)]).tolist() == [0.1]


def test_a_box_without_area_overlaps_nothing_not_even_itself():
    assert iou((1, 1, 1, 1), [(1, 1, 1, 1), (0, 0, 2, 2)]).tolist() == [0, 0]
    assert iou((0, 0, 2, 2), [(1, 1, 1, 1), (0, 1, 2, 1)]).tolist() == [0, 0]


def test_with_no_other_box_there_is_no_overlap():
    assert iou((0, 0, 1, 1), corners([])).shape == (0,)
