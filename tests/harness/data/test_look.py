import io

import pytest
from PIL import Image

from harness.data.look import look_at, oddities, recognise, told
from harness.errors import DataError


def turned():
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("L", (64, 48)).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


@pytest.fixture
def cvat(picture):
    return {
        "obj.names": "person\ncar\nbus\n",
        "obj_train_data/a.png": picture(100, 50),
        "obj_train_data/a.txt": "0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n1 0.2 0.2 0.2 0.2\n",
        "obj_train_data/b.jpg": turned(),
        "obj_train_data/b.txt": "",
        "obj_valid_data/c.jpg": b"torn",
        "obj_valid_data/c.txt": "9 0.5 0.5 0.5 0.5\n",
        "obj_valid_data/d.jpg": picture(100, 50, "JPEG"),
        "obj_valid_data/d.txt": "1 0.5 0.5 0.001 0.5\n",
    }


def look(source):
    return look_at(source, recognise(source), say=print)


def test_pictures_sizes_boxes_and_empty_ones_are_counted_by_subset(source_of, cvat):
    seen = look(source_of(cvat))

    assert seen.sizes == {(100, 50): 2, (48, 64): 1}
    assert seen.pictures == {"train": 2, "valid": 2}
    assert seen.empty == {"train": 1, "valid": 2}
    assert seen.boxes["train"] == {0: 1, 1: 2}
    assert (len(seen.damaged), len(seen.problems), seen.folders) == (1, 1, 2)


def test_oddities_are_told(source_of, cvat):
    assert oddities(look(source_of(cvat))) == [
        "1 pictures will be converted from PNG to JPEG",
        "1 pictures will be turned upright, as their EXIF orientation says",
        "1 damaged pictures: obj_valid_data/c.jpg: no picture (4 bytes, starting with b'torn')",
        "1 lines of labels are wrong: obj_valid_data/c.jpg:1: class 9; expected 0 to 2",
        "no box of bus",
    ]


def test_all_of_it_is_told_in_words_and_a_table(source_of, cvat):
    lines = told(look(source_of(cvat))).splitlines()

    assert lines[:3] == [
        "layout: YOLO 1.1, as CVAT exports it",
        "pictures: 4 in 2 folder(s), sizes 100x50 (2), 48x64 (1)",
        "classes: person, car, bus",
    ]
    assert "samples                   2           2           4" in lines
    assert "  car                     2           0           2" in lines
    assert "note: no box of bus" in lines


def test_each_layout_is_recognised(source_of, picture):
    coco = (
        '{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}], "annotations": [], '
        '"categories": [{"id": 1, "name": "car"}]}'
    )
    kitti = "Car 0 0 0 1 1 9 9 0 0 0 0 0 0 0\n"
    layouts = {
        "YOLO 1.1": {"obj.names": "car", "obj_x_data/a.png": b"", "obj_x_data/a.txt": ""},
        "YOLO, with data.yaml": {"data.yaml": "names: [car]", "images/a.png": b"", "classes.txt": "x"},
        "YOLO, with classes.txt": {"classes.txt": "car", "images/a.png": b""},
        "COCO JSON": {"a.json": coco, "a.png": b"", "data.yaml": "x"},
        "KITTI": {"image_2/a.png": picture(), "label_2/a.txt": kitti},
    }

    found = {name: recognise(source_of(files)).layout for name, files in layouts.items()}

    assert all(layout.startswith(name) for name, layout in found.items()), found


@pytest.mark.parametrize(
    ("files", "complaint", "remedy"),
    [
        ({}, "holds no file; expected CVAT's", 'CVAT: "Save images"'),
        ({"task.zip": b"PK"}, "holds 1 .zip", "unpack it, and give the archive inside: task.zip"),
        ({"a.png": b"", "b.png": b""}, "holds 2 .png", "export it with labels and names of classes"),
        (
            {"a/obj.names": "x", "b/obj.names": "x"},
            "holds 2 exports",
            "export the project in place of its tasks",
        ),
        (
            {"obj.names": "car", "obj.data": "classes = 1"},
            "no picture with a label",
            "in CVAT give the task one, such as Train",
        ),
        (
            {"obj.names": "car", "obj_train_data/a.txt": ""},
            "no picture with a label",
            "export it with its pictures",
        ),
        (
            {"obj.names": "\n", "obj_a_data/a.png": b"", "obj_a_data/a.txt": ""},
            "has no class",
            "export it with",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_what_to_do(source_of, files, complaint, remedy):
    with pytest.raises(DataError) as caught:
        recognise(source_of(files))

    assert complaint in caught.value.message
    assert remedy in caught.value.remedy


def test_pictures_of_which_none_can_be_decoded_or_none_has_a_box_are_refused(source_of, picture):
    names = {"obj.names": "car", "obj_a_data/a.txt": ""}

    with pytest.raises(DataError, match="none of 1 pictures can be decoded"):
        look(source_of({**names, "obj_a_data/a.png": b"torn"}))
    with pytest.raises(DataError, match="1 pictures without a single box"):
        look(source_of({**names, "obj_a_data/a.png": picture()}))
