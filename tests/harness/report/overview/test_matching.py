"""Matching and average precision, against figures counted by hand and against the detector's own."""

import numpy as np
import pytest

from harness.report.overview.matching import NOTHING, average_precision, judge
from tests.harness.report.overview.places import BUS, CAR, found, marked


def test_the_best_detection_takes_the_object_and_the_next_one_is_false():
    judged = judge(found([marked(0, CAR, 0)], [marked(0, CAR, 1, 0.6), marked(0, CAR, 0, 0.9)]))
    assert judged.taken.tolist() == [NOTHING, 0]
    assert judged.is_right.tolist() == [False, True]


def test_an_object_is_found_by_its_own_class_on_its_own_frame_alone():
    objects = [marked(0, CAR, 0)]
    judged = judge(found(objects, [marked(0, BUS, 0, 0.9), marked(1, CAR, 0, 0.8), marked(0, CAR, 0, 0.1)]))
    assert judged.is_right.tolist() == [False, False, True]
    assert judge(found(objects, [marked(0, BUS, 0, 0.9)]), by_class=False).is_right.tolist() == [True]


def test_an_overlap_below_the_threshold_is_none():
    # Squares of 10 px moved by 3: 70 of 130, so 0.54; moved by 4: 60 of 140, so 0.43.
    objects = [marked(0, CAR, 0), marked(1, CAR, 0)]
    judged = judge(found(objects, [marked(0, CAR, 3, 0.9), marked(1, CAR, 4, 0.9)]))
    assert judged.is_right.tolist() == [True, False]


def test_a_detection_takes_the_object_that_it_overlaps_most():
    objects = [marked(0, CAR, 3), marked(0, CAR, 1)]
    assert judge(found(objects, [marked(0, CAR, 0, 0.9)])).taken.tolist() == [1]


def test_a_box_without_an_area_finds_nothing():
    empty = marked(0, CAR, 0, 0.9, size=0.0)
    assert judge(found([marked(0, CAR, 0, size=0.0)], [empty])).is_right.tolist() == [False]


@pytest.mark.parametrize(
    ("right", "objects", "integrated", "sampled"),
    [
        # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: area 1/2 + 2/3 / 2; levels up to 0.5 have 1, others 2/3
        ([True, False, True], 2, 1 / 2 + 1 / 3, (6 + 5 * 2 / 3) / 11),
        ([True, True], 2, 1.0, 1.0),
        ([False, False], 3, 0.0, 0.0),
        # recall stays at 1/4: levels 0, 0.1 and 0.2
        ([True], 4, 1 / 4, 3 / 11),
    ],
)
def test_average_precision_is_that_of_a_count_by_hand(right, objects, integrated, sampled):
    one = (np.array(right), np.ones((1, len(right))), np.array([float(objects)]))
    assert average_precision(*one, is_integrated=True)[0] == pytest.approx(integrated)
    assert average_precision(*one, is_integrated=False)[0] == pytest.approx(sampled)


def test_a_frame_that_is_drawn_twice_counts_twice_and_one_that_is_not_counts_for_nothing():
    right, weights = np.array([True, False]), np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    found_ap = average_precision(right, weights, np.array([2.0, 0.0, 1.0]), is_integrated=True)
    assert found_ap[0] == pytest.approx(1.0)
    assert np.isnan(found_ap[1])
    assert found_ap[2] == pytest.approx(1.0)


@pytest.mark.parametrize("mode", ["sample", "integrate"])
def test_it_is_what_the_detector_itself_counts(mode):
    torch = pytest.importorskip("torch")
    from yolo_v4.data.batches import Truth
    from yolo_v4.scoring.average_precision import judge as detectors
    from yolo_v4.scoring.nms import Detections

    generator = np.random.default_rng(7)
    objects = [marked(frame, CAR, 12.0 * place) for frame in range(8) for place in range(4)]
    detections = [
        marked(one.frame, CAR, one.box[0] + generator.normal(0, 2.5), float(generator.uniform(0.1, 1)))
        for one in objects
        for _ in range(2)
    ]
    ours = found(objects, detections, frames=8)
    order = sorted(range(len(detections)), key=lambda place: -detections[place].score)
    one = (judge(ours).is_right[order], np.ones((1, len(order))), np.array([float(len(objects))]))
    truths, theirs = [], []
    for frame in range(8):
        boxes = np.array([each.box for each in objects if each.frame == frame], dtype=np.float32)
        own = [each for each in detections if each.frame == frame]
        zeros = np.zeros(len(boxes))
        truths.append(Truth(boxes=boxes, classes=zeros, difficult=zeros, fit=None))
        theirs.append(
            Detections(
                torch.tensor([each.box for each in own]),
                torch.tensor([each.score for each in own], dtype=torch.float64),
                torch.zeros(len(own), dtype=torch.int64),
            )
        )
    (outcome,) = detectors(truths, theirs, num_classes=1, matching_iou=0.5, confidence_threshold=0.0)
    assert average_precision(*one, is_integrated=mode == "integrate")[0] == pytest.approx(
        outcome.average_precision(mode), abs=1e-9
    )
