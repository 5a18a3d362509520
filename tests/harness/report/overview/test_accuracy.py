"""Figures of detections that the test placed, so that each of them can be counted by hand."""

import pytest

from harness.report.overview.accuracy import accuracy
from harness.report.overview.found import Told
from tests.harness.report.overview.places import BUS, CAR, found, marked

OBJECTS = [marked(0, CAR, 0), marked(0, CAR, 20), marked(1, BUS, 0), marked(1, CAR, 40)]
DETECTIONS = [
    marked(0, CAR, 0, 0.9),
    marked(0, CAR, 20, 0.8),
    marked(1, CAR, 0, 0.7),  # a bus that is taken for a car
    marked(1, BUS, 70, 0.6),  # nothing is there
    marked(0, CAR, 90, 0.1),  # below the best threshold
]


@pytest.fixture
def scored():
    return accuracy(found(OBJECTS, DETECTIONS), None)


def test_the_best_threshold_is_that_of_the_best_f1(scored):
    # Two of two found are right and four are there: 2 * 2 / (2 + 4); with the third 4 / 7.
    assert scored.threshold == 0.8
    assert scored.f1 == pytest.approx(4 / 6)


def test_confusions_are_counted_at_that_threshold(scored):
    assert [one.name for one in scored.classes] == [BUS, CAR]
    # rows: bus, car, nothing; columns: bus, car, missed
    assert scored.confusion == ((0, 0, 1), (0, 2, 1), (0, 0, 0))


def test_an_object_that_is_taken_for_another_is_a_confusion():
    objects = [marked(0, BUS, 0), marked(0, CAR, 30)]
    scored = accuracy(found(objects, [marked(0, CAR, 0, 0.9), marked(0, CAR, 30, 0.9)]), None)
    assert scored.confusion == ((0, 1, 0), (0, 1, 0), (0, 0, 0))


def test_boxes_of_a_frame_are_right_missed_or_false_and_the_worst_frame_is_first():
    objects = [marked(0, CAR, 0), marked(1, CAR, 0), marked(1, CAR, 30)]
    scored = accuracy(found(objects, [marked(0, CAR, 0, 0.9), marked(1, CAR, 60, 0.9)], frames=3), None)
    assert [one.name for one in scored.worst] == ["f1", "f0", "f2"]
    assert scored.worst[0].counts == {"missed": 2, "false": 1}
    assert scored.worst[1].counts == {"right": 1}


def test_twelve_frames_are_shown_of_more():
    scored = accuracy(found([marked(0, CAR, 0)], [marked(0, CAR, 0, 0.9)], frames=40), None)
    assert len(scored.worst) == 12


def test_sizes_are_those_of_coco():
    objects = [marked(0, CAR, 0, size=31.9), marked(0, CAR, 100, size=32.0), marked(1, CAR, 0, size=96.0)]
    detections = [marked(0, CAR, 0, 0.9, size=31.9), marked(1, CAR, 200, 0.9, size=40.0)]
    sizes = accuracy(found(objects, detections), None).sizes
    assert [(one.objects, one.found, one.false) for one in sizes] == [(1, 1, 0), (1, 0, 1), (1, 0, 0)]


def test_an_interval_holds_what_frames_like_these_would_give():
    objects = [marked(frame, CAR, 0) for frame in range(40)]
    half = [marked(frame, CAR, 0, 0.9) for frame in range(0, 40, 2)]
    one = accuracy(found(objects, half, frames=40), None).classes[0]
    # AP is the share of frames with a hit, here 20 of 40: a binomial 95 % interval is 0.5 +- 0.155.
    assert one.low == pytest.approx(0.345, abs=0.04)
    assert one.high == pytest.approx(0.655, abs=0.04)


def test_a_curve_ends_at_the_recall_that_is_reached(scored):
    car = scored.classes[1]
    assert car.recall[-1] == pytest.approx(2 / 3)
    assert car.precision[0] == 1.0


def test_a_curve_of_many_detections_is_thinned_to_its_ends():
    objects = [marked(0, CAR, 20.0 * place) for place in range(500)]
    detections = [marked(0, CAR, 20.0 * place, 1 - place / 1000) for place in range(500)]
    (one,) = accuracy(found(objects, detections), None).classes
    assert len(one.recall) == 60
    assert (one.recall[0], one.recall[-1]) == (pytest.approx(1 / 500), 1.0)


def test_what_eval_told_is_shown_as_it_told_it():
    told = Told(
        split="test",
        images=2,
        mean_average_precision=0.4,
        average_precision={CAR: 0.41, "tram": None},
        boxes={},
        iou_threshold=0.5,
    )
    scored = accuracy(found(OBJECTS, DETECTIONS), told)
    assert [(one.name, one.told) for one in scored.classes] == [(CAR, 0.41), ("tram", None), (BUS, None)]
    assert (scored.classes[1].objects, scored.classes[1].low) == (0, None)


@pytest.mark.parametrize(("objects", "detections"), [([], []), (OBJECTS, []), ([], DETECTIONS)])
def test_where_nothing_was_found_or_there_no_threshold_can_be_told(objects, detections):
    scored = accuracy(found(objects, detections), None)
    assert (scored.threshold, scored.f1) == (None, None)


def test_no_frames_at_all_are_no_error():
    assert accuracy(found([], [], frames=0), None).worst == ()
