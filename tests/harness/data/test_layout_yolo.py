import pytest

from harness.data.layout_yolo import (
    read_ultralytics,
    read_yolo_1_1,
    subset_and_folder,
    yaml_names,
    yolo_line,
)
from harness.errors import DataError


@pytest.mark.parametrize(
    "text",
    [
        "names: [car, 'traffic light', \"버스\"]\n",
        "nc: 3\nnames: ['car', traffic light,\n  버스]  # three\n",
        "names:\n  0: car\n  1: traffic light  # red\n  2: '버스'\ntrain: x\n",
        "names:\n- car\n- traffic light\n\n- 버스\nval: y\n",
        "names: {0: car, 1: traffic light, 2: 버스}\n",
    ],
)
def test_class_names_are_read_in_every_form_that_exporters_write(text):
    assert yaml_names(text, "data.yaml") == ("car", "traffic light", "버스")


@pytest.mark.parametrize("text", ["", "names:\n", "names: []\n", "train: a\n  names: [car]\n", "names: *x"])
def test_a_file_without_class_names_is_refused(text):
    if text == "names: *x":
        assert yaml_names("names:\n  - car\n", "data.yaml") == ("car",)
    with pytest.raises(DataError, match=r"data\.yaml: no class names"):
        yaml_names(text, "data.yaml")


def test_subset_and_folder_are_those_of_the_path_in_both_orders(source_of):
    found = read_ultralytics(
        source_of(
            {
                "x/data.yaml": "names: [car]\n",
                "x/images/train/cam1/a.jpg": b"",
                "x/labels/train/cam1/a.txt": "0 0.5 0.5 0.1 0.1\n",
                "x/valid/images/b.png": b"",
                "x/valid/labels/b.txt": "0 0.5 0.5 0.2 0.2",
                "x/images/c.jpg": b"",
            }
        ),
        "x/data.yaml",
    )

    assert [(each.name, each.subset, each.folder, each.label) for each in found.pictures] == [
        ("x/images/c.jpg", "train", "", ""),
        ("x/images/train/cam1/a.jpg", "train", "cam1", "0 0.5 0.5 0.1 0.1\n"),
        ("x/valid/images/b.png", "valid", "", "0 0.5 0.5 0.2 0.2\n"),
    ]
    assert found.oddities == ["1 pictures have no label file: taken as pictures without objects"]


@pytest.mark.parametrize(
    "path", ["../images/train", "/etc", "~/data", "https://example.org/x.zip", "a/../../b"]
)
def test_a_path_that_leaves_its_folder_is_told_and_not_followed(source_of, path):
    found = read_ultralytics(
        source_of({"data.yaml": f"train: {path}\nnames: [car]\n", "images/train/a.jpg": b""}), "data.yaml"
    )

    assert [each.name for each in found.pictures] == ["images/train/a.jpg"]
    assert found.oddities[0] == f"data.yaml: train is {path}, which leaves the folder and was not followed"


def test_an_outline_becomes_its_upright_box(source_of):
    outline = "1 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.4\n"
    found = read_ultralytics(
        source_of({"classes.txt": "a\nb\n", "images/a.jpg": b"", "labels/a.txt": outline}), "classes.txt"
    )

    # x from 0.1 to 0.5, y from 0.2 to 0.6
    assert [float(word) for word in found.pictures[0].label.split()] == pytest.approx([1, 0.3, 0.4, 0.4, 0.4])
    assert found.oddities == ["1 outlines (segmentation) were taken as their upright boxes"]


def test_a_cvat_export_keeps_its_subsets_folders_and_labels(source_of):
    found = read_yolo_1_1(
        source_of(
            {
                "d/obj.names": "\ufeffcar\r\ntraffic light\r\n",
                "d/obj_train_data/day/a.png": b"",
                "d/obj_train_data/day/a.txt": "1 0.5 0.5 0.1 0.1",
                "d/obj_train_data/b.png": b"",
            }
        ),
        "d/obj.names",
    )

    assert found.classes == ("car", "traffic light")
    (only,) = found.pictures
    assert (only.subset, only.folder, only.label) == ("train", "day", "1 0.5 0.5 0.1 0.1")
    assert found.oddities == ["d/obj_train_data/b.png has no label"]


def test_a_line_says_centre_and_size():
    # (0.1 + 0.3) / 2, (0.2 + 0.8) / 2, 0.3 - 0.1, 0.8 - 0.2
    assert yolo_line("car", 0.1, 0.2, 0.3, 0.8) == "car 0.2 0.5 0.2 0.6"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("images/train2017/a.jpg", ("train2017", "")),
        ("Test-A/images/cam 1/a.jpg", ("Test-A", "cam 1")),
        ("images/trainstation/a.jpg", ("train", "trainstation")),
        ("images/a.jpg", ("train", "")),
    ],
)
def test_a_first_folder_of_a_known_name_is_the_subset(name, place):
    assert subset_and_folder(name, without={"images"}) == place
