"""What a camera sees where, and which of two things is in front."""

import math

import numpy as np
import pytest

from made_frames.geometry import DRAWN_PX, Camera, footprint, hull, painters_order

CENTRE = (DRAWN_PX[0] / 2, DRAWN_PX[1] / 2)


@pytest.fixture
def level_camera():
    """Ten metres up, looking along the road at the horizon, 600 pixels of focal length."""
    return Camera(x_m=0, height_m=10, yaw=0, pitch=0, focal_px=600)


def test_a_point_ahead_at_the_height_of_the_camera_is_drawn_in_the_middle(level_camera):
    (pixel,), (depth,) = level_camera.project(np.array([[0.0, 50.0, 10.0]]))
    assert tuple(pixel) == CENTRE
    assert depth == 50


def test_a_metre_at_sixty_metres_is_ten_pixels_high_and_squashed_in_width(level_camera):
    points = np.array([[0, 60, 10], [1, 60, 10], [0, 60, 9]], dtype=float)
    (middle, right, down), _ = level_camera.project(points)
    assert down - middle == pytest.approx([0, 10])
    assert right - middle == pytest.approx([10 * 11 / 12, 0])


def test_looking_down_raises_the_horizon_and_turning_right_moves_things_left():
    camera = Camera(x_m=0, height_m=10, yaw=math.radians(10), pitch=math.radians(20), focal_px=600)
    (pixel,), _ = camera.project(np.array([[0.0, 1e6, 0.0]]))
    assert camera.horizon_px == pytest.approx(288 - 600 * 0.36397, abs=0.01)
    assert pixel[0] < CENTRE[0]


def test_a_thing_stands_at_the_distance_where_it_has_the_scale_asked_for():
    camera = Camera(x_m=3, height_m=8, yaw=0.2, pitch=0.4, focal_px=600)
    _, (depth,) = camera.project(np.array([[-4.0, camera.reach_m(20, -4.0), 0.0]]))
    assert 600 / depth == pytest.approx(20)


def test_ground_behind_the_camera_is_cut_away(level_camera):
    strip = np.array([(-2, -50, 0), (2, -50, 0), (2, 100, 0), (-2, 100, 0)], dtype=float)
    outline = level_camera.outline(strip)
    assert all(y > CENTRE[1] for _, y in outline)
    assert level_camera.outline(strip - np.array([0, 200, 0])) == []


def test_the_hull_of_a_square_leaves_out_what_is_inside_and_on_its_edges():
    points = [(0, 0), (2, 0), (2, 2), (0, 2), (1, 1), (1, 0), (0.5, 1.5)]
    assert set(hull(points)) == {(0, 0), (2, 0), (2, 2), (0, 2)}


def test_a_footprint_turned_to_the_right_is_long_across_the_road():
    corners = footprint(10, 20, math.pi / 2, width_m=2, length_m=8)
    assert corners.min(axis=0) == pytest.approx([6, 19])
    assert corners.max(axis=0) == pytest.approx([14, 21])


def test_far_things_are_drawn_before_near_ones():
    grounds = np.array([footprint(0, y, 0, 2, 4) for y in (10, 40, 20)])
    assert painters_order(grounds, np.array([0, 0, 8])) == [1, 2, 0]


@pytest.mark.parametrize(("eye_x", "expected"), [(8, [0, 1]), (-8, [1, 0])])
def test_a_cyclist_beside_a_long_bus_hides_it_only_from_the_own_side(eye_x, expected):
    bus, cyclist = footprint(0, 30, 0, 2.5, 11), footprint(2.2, 33, 0, 0.6, 1.8)
    assert painters_order(np.array([bus, cyclist]), np.array([eye_x, 0, 9])) == expected
