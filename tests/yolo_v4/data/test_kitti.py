from pathlib import Path

import numpy as np
import pytest

from yolo_v4.data.kitti import format_line, parse_columns, read_objects
from yolo_v4.errors import DataError

LINE = "Car 0.50 1 -1.57 10.25 20.00 60.00 90.75 1.5 1.6 3.7 -2.5 1.65 20.25 -1.6"


@pytest.fixture
def label(tmp_path: Path) -> Path:
    return tmp_path / "frame.txt"


def test_each_column_goes_where_it_belongs(label: Path) -> None:
    label.write_text(LINE + "\n\n")
    (found,) = read_objects(label)
    assert found.class_name == "Car"
    assert (found.truncation, found.occlusion, found.alpha) == (0.5, 1, -1.57)
    assert (found.x1, found.y1, found.x2, found.y2) == (10.25, 20.0, 60.0, 90.75)
    assert (found.height, found.width, found.length) == (1.5, 1.6, 3.7)
    assert (found.x, found.y, found.z, found.rotation_y) == (-2.5, 1.65, 20.25, -1.6)


def test_an_empty_file_has_no_objects(label: Path) -> None:
    label.write_text("")
    assert read_objects(label) == []


@pytest.mark.parametrize("blank", ["\f", "\v", "\x1c", "\x1d", "\x1e"])
def test_only_an_end_of_line_ends_an_object(label: Path, blank: str) -> None:
    """TAO's converter reads label files by lines; other characters where Python breaks lines are blanks."""
    label.write_bytes(f"{LINE.replace(' ', blank)}\r\n{LINE}\r\n".encode())
    assert [found.class_name for found in read_objects(label)] == ["Car", "Car"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (LINE + " 0.87", r"only 15 fields\. .*object 0 has 16 \(the 16th is a score"),
        (LINE.rpartition(" ")[0], r"only 15 fields\. .*object 0 has 14"),
        (LINE.replace("10.25", "nan"), "cannot convert float NaN to integer"),
        (LINE.replace("10.25", "inf"), "cannot convert float infinity to integer"),
        (LINE.replace("10.25", "ten"), "could not convert string to float: 'ten'"),
        (LINE.replace("Car", "V\u00e9lo"), "is not plain ASCII"),
    ],
)
def test_a_wrong_line_is_refused_with_its_file(label: Path, line: str, complaint: str) -> None:
    label.write_text(line, encoding="utf-8")
    with pytest.raises(DataError, match=complaint) as error:
        read_objects(label)
    assert str(label) in error.value.message


def test_a_missing_label_is_named(label: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the label file .*frame\.txt"):
        read_objects(label)


def test_nine_columns_are_enough_for_a_box() -> None:
    found = parse_columns(LINE.split()[:9], where="here")
    assert (found.x1, found.y2, found.height, found.width) == (10.25, 90.75, 1.5, 0.0)


@pytest.mark.parametrize(
    ("corners", "has_area"),
    [
        ((10.9, 0, 11.1, 5), True),
        ((10.1, 0, 10.9, 5), False),
        ((-0.9, -0.9, 0.9, 0.9), False),
        ((5, 5, 1, 9), False),
    ],
)
def test_a_box_has_area_if_its_whole_pixels_have(corners: tuple[float, ...], has_area: bool) -> None:
    columns = ["car", "0", "0", "0", *map(str, corners)]
    assert parse_columns(columns, where="here").has_area is has_area


def test_a_detection_is_written_with_the_shortest_text_of_each_float32() -> None:
    corners = np.array([18.181818181, 36.363636363, 109.090909, 163.636363], dtype=np.float32)
    expected = "car 0 0 0 18.181818 36.363636 109.09091 163.63637 0 0 0 0 0 0 0 0.95"
    assert format_line("car", corners.tolist(), 0.95) == expected


def test_a_byte_order_mark_is_no_part_of_the_first_class(label: Path) -> None:
    label.write_bytes(b"\xef\xbb\xbf" + LINE.encode())
    assert [found.class_name for found in read_objects(label)] == ["Car"]
