"""Frames as a detector meets them: sizes and numbers as measured on JamCam, and all that makes them hard."""

import io
import statistics
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from made_frames.archive import make_frames
from made_frames.frame import make_frame
from made_frames.traffic import CLASSES

pytestmark = pytest.mark.slow
FRAMES = 64
# Pixels: medians of JamCam's labels; JamCam's bicycles were not measured.
MEDIAN_PX = {
    "person": (8, 20),
    "bicycle": (14, 28),
    "car": (32, 35),
    "motorbike": (16, 35),
    "bus": (36, 54),
    "truck": (44, 60),
}
LABELS_OF_A_FRAME = """\
4 0.426847 0.395833 0.106534 0.347222
4 0.550426 0.467014 0.132102 0.329861
5 0.423295 0.816840 0.125000 0.269097
5 0.428977 0.196181 0.062500 0.059028
2 0.509233 0.271701 0.052557 0.064236
2 0.617188 0.894097 0.126420 0.114583
2 0.594460 0.742188 0.123580 0.223958
2 0.495739 0.227431 0.039773 0.062500
3 0.414062 0.622396 0.032670 0.109375
0 0.599432 0.343750 0.019886 0.062500
0 0.634233 0.390625 0.021307 0.065972
"""


@pytest.fixture(scope="module")
def frames():
    return list(make_frames(42, FRAMES))


@pytest.fixture(scope="module")
def pictures(frames):
    return [np.asarray(Image.open(io.BytesIO(frame.jpeg)).convert("RGB"), dtype=float) for frame in frames]


@pytest.mark.parametrize("name", CLASSES)
def test_the_median_object_of_a_class_is_as_big_as_measured(frames, name):
    boxes = [box for frame in frames for box in frame.boxes if CLASSES[box.label] == name]
    width, height = MEDIAN_PX[name]
    assert statistics.median(box.right - box.left for box in boxes) == pytest.approx(width, rel=0.25)
    assert statistics.median(box.bottom - box.top for box in boxes) == pytest.approx(height, rel=0.25)


def test_a_test_split_of_sixty_four_frames_has_fifty_boxes_of_each_class(frames):
    counts = Counter(CLASSES[box.label] for frame in frames for box in frame.boxes)
    assert {name: count for name, count in counts.items() if count < 50} == {}
    assert set(counts) == set(CLASSES)


def test_a_frame_has_twelve_boxes_or_more_on_average(frames):
    assert statistics.mean(len(frame.boxes) for frame in frames) >= 12


def test_many_boxes_overlap_as_in_queues(frames):
    def overlap(a, b):
        return min(a.right, b.right) > max(a.left, b.left) and min(a.bottom, b.bottom) > max(a.top, b.top)

    boxes = [(box, frame) for frame in frames for box in frame.boxes]
    hidden = [
        box for box, frame in boxes if any(overlap(box, other) for other in frame.boxes if other is not box)
    ]
    assert 0.4 < len(hidden) / len(boxes) < 0.9


def test_things_reach_from_the_far_end_to_right_in_front(frames):
    sides = [max(box.right - box.left, box.bottom - box.top) for frame in frames for box in frame.boxes]
    assert min(sides) < 12
    assert max(sides) > 120


def test_boxes_lie_inside_the_frame_and_are_not_tiny(frames):
    for box in (box for frame in frames for box in frame.boxes):
        assert 0 <= box.left <= box.right - 4 <= 352 - 4
        assert 0 <= box.top <= box.bottom - 4 <= 288 - 4


def test_every_frame_is_a_jpeg_of_the_cameras_size(frames):
    for frame in frames:
        picture = Image.open(io.BytesIO(frame.jpeg))
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (352, 288))
        assert 11_000 <= len(frame.jpeg) <= 60_000


def test_time_and_place_are_written_white_on_black_and_the_corner_is_pale(pictures):
    for picture in pictures:
        for bar in (picture[1:12, 2:102], picture[276:287, 2:150]):
            assert np.median(bar) < 40
            assert bar.max() > 180
        assert np.median(picture[24:33, 300:350]) > 130


def test_some_frames_are_taken_by_day_and_some_at_night(pictures):
    levels = [np.median(picture[40:270]) for picture in pictures]
    assert sum(level > 80 for level in levels) > FRAMES / 3
    assert sum(level < 55 for level in levels) > FRAMES / 10


def test_no_two_frames_show_the_same_moment_of_a_camera(frames):
    assert len({frame.stem for frame in frames}) == FRAMES
    assert len({frame.boxes for frame in frames if frame.boxes}) >= FRAMES - 2


def test_a_frame_depends_on_its_seed_and_number_alone_whatever_process_draws_it(frames):
    number = 17
    again = make_frame(42, number)
    assert again in frames
    assert make_frame(43, number).jpeg != again.jpeg


def test_labels_of_a_frame_are_those_of_the_release():
    assert "".join(box.line() for box in make_frame(42, 5).boxes) == LABELS_OF_A_FRAME
