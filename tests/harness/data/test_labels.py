import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.labels import YoloBox, kitti_line, parse_yolo, to_corners


def corners(cx, cy, w, h, *, size=(352, 288)):
    return to_corners(YoloBox(class_id=0, cx=cx, cy=cy, w=w, h=h), width_px=size[0], height_px=size[1])


def parse(text):
    return parse_yolo(text, where="labels_raw/a.txt", num_classes=6)


def test_the_workflows_own_example_becomes_these_pixels():
    # 0.774148 * 352 = 272.50, 0.437500 * 288 = 126.00; 0.071023 * 352 = 25.00, 0.083333 * 288 = 24.00
    assert corners(0.774148, 0.437500, 0.071023, 0.083333) == (260.0, 114.0, 285.0, 138.0)


def test_a_box_over_the_edge_is_clipped_to_the_picture():
    assert corners(0.0, 1.0, 0.5, 0.25) == (0.0, 252.0, 88.0, 288.0)


@pytest.mark.parametrize(("w", "h"), [(0.0, 0.5), (0.5, 0.0), (0.9 / 352, 0.5), (0.5, 0.9 / 288)])
def test_a_box_under_a_pixel_is_no_box(w, h):
    assert corners(0.5, 0.5, w, h) is None


def test_a_kitti_line_has_fifteen_columns():
    assert (
        kitti_line("car", (260, 114, 285.5, 138))
        == "car 0.00 0 0.00 260.00 114.00 285.50 138.00 0 0 0 0 0 0 0\n"
    )


@given(
    x=st.tuples(st.integers(0, 351), st.integers(1, 352)),
    y=st.tuples(st.integers(0, 287), st.integers(1, 288)),
)
def test_whole_pixel_boxes_come_back_as_they_were(x, y):
    (x1, width), (y1, height) = x, y
    x2, y2 = min(x1 + width, 352), min(y1 + height, 288)
    text = f"0 {(x1 + x2) / 704:.6f} {(y1 + y2) / 576:.6f} {(x2 - x1) / 352:.6f} {(y2 - y1) / 288:.6f}\n"

    boxes, problems = parse(text)

    assert problems == []
    assert to_corners(boxes[0], width_px=352, height_px=288) == (x1, y1, x2, y2)


@given(*[st.floats(-0.5, 1.5)] * 2, *[st.floats(0, 1.5)] * 2)
def test_corners_lie_in_the_picture_and_in_order(cx, cy, w, h):
    found = corners(cx, cy, w, h)

    if found is not None:
        x1, y1, x2, y2 = found
        assert 0 <= x1 < x2 <= 352
        assert 0 <= y1 < y2 <= 288


def test_an_empty_file_is_a_frame_without_objects():
    assert parse("") == parse("\n \n") == ([], [])


def test_lines_may_end_as_on_windows():
    assert parse("2 0.5 0.5 0.1 0.1\r\n") == ([YoloBox(class_id=2, cx=0.5, cy=0.5, w=0.1, h=0.1)], [])


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        ("6 0.5 0.5 0.1 0.1", "class 6", "0 to 5"),
        ("-1 0.5 0.5 0.1 0.1", "class -1", "0 to 5"),
        ("2.0 0.5 0.5 0.1 0.1", "class 2.0", "0 to 5"),
        ("car 0.5 0.5 0.1 0.1", "class car", "0 to 5"),
        ("2 0.5 0.5 0.1", "4 columns ('2 0.5 0.5 0.1')", "5: class cx cy w h"),
        ("2 0.5 0.5 0.1 0.1 0.9", "6 columns ('2 0.5 0.5 0.1 0.1 0.9')", "5: class cx cy w h"),
        ("2 nan 0.5 0.1 0.1", "'2 nan 0.5 0.1 0.1'", "finite numbers"),
        ("2 0.5 inf 0.1 0.1", "'2 0.5 inf 0.1 0.1'", "finite numbers"),
        ("2 0.5 0,5 0.1 0.1", "'2 0.5 0,5 0.1 0.1'", "numbers: class cx cy w h"),
        ("2 0.5 0.5 -0.1 0.1", "a box of size -0.1 x 0.1", "0 or more"),
        (
            "2 1.2 0.5 0.1 0.1",
            "a box that reaches 0.25 of the picture outside it",
            "fractions of the picture",
        ),
        ("2 120 80 20 10", "a box that reaches 129 of the picture outside it", "fractions of the picture"),
    ],
)
def test_a_wrong_line_is_told_with_file_and_line_and_the_others_are_read(line, found, expected):
    boxes, problems = parse(f"0 0.5 0.5 0.1 0.1\n{line}\n1 0.5 0.5 0.1 0.1\n")

    assert [box.class_id for box in boxes] == [0, 1]
    assert [(problem.where, problem.found) for problem in problems] == [("labels_raw/a.txt:2", found)]
    assert problems[0].expected.startswith(expected)


def test_a_box_that_only_rounding_puts_outside_is_taken():
    boxes, problems = parse("2 0.9500005 0.5 0.1 0.1")

    assert (len(boxes), problems) == (1, [])
