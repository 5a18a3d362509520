import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo_v4.data.anchors import choose_first, cluster


def test_two_kinds_of_boxes_give_the_median_of_each_by_area() -> None:
    sizes = np.array([[0.5, 0.5], [0.1, 0.1], [0.12, 0.1], [0.6, 0.5], [0.11, 0.1], [0.55, 0.5]])
    centres = cluster(sizes, np.array([0, 1]), max_steps=100, step=lambda number: None)
    np.testing.assert_allclose(centres, [[0.11, 0.1], [0.55, 0.5]])


@settings(max_examples=50)
@given(st.lists(st.sampled_from([(0.1, 0.1), (0.1, 0.2), (0.5, 0.5)]), min_size=5, max_size=12))
def test_clusters_that_lose_their_boxes_still_have_a_size(boxes: list[tuple[float, float]]) -> None:
    sizes = np.array(boxes)
    centres = cluster(sizes, choose_first(len(sizes), 4), max_steps=50, step=lambda number: None)
    assert np.isfinite(centres).all()
    assert (centres > 0).all()


def test_the_first_centres_are_the_same_every_time_and_never_twice_the_same_box() -> None:
    first = choose_first(10, 9)
    assert first.tolist() == choose_first(10, 9).tolist()
    assert len(set(first.tolist())) == 9
