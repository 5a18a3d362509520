import json

import pytest

from harness.data.layout_coco import coco_files, read_coco
from harness.errors import DataError

CATEGORIES = [{"id": 7, "name": "traffic  light"}, {"id": 3, "name": "person"}]
OUTLINE = [[10, 10, 50, 10, 50, 80], [20, 5, 30, 5, 30, 9]]


def annotations(images, objects, categories=CATEGORIES):
    return json.dumps(
        {
            "images": [{"width": 100, "height": 200, **image} for image in images],
            "annotations": [{"id": number, **each} for number, each in enumerate(objects)],
            "categories": categories,
        }
    )


def read(source):
    return read_coco(source, coco_files(source))


def test_boxes_in_pixels_become_shares_and_categories_classes_by_their_number(source_of):
    text = annotations(
        [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        [{"image_id": 1, "category_id": 7, "bbox": [10, 20, 30, 40]}],
    )

    found = read(source_of({"annotations/instances_Train.json": text, "images/a.jpg": b"", "b.jpg": b""}))

    assert found.classes == ("person", "traffic light")
    # (10 + 15) / 100, (20 + 20) / 200, 30 / 100, 40 / 200
    assert [(each.name, each.subset, each.label) for each in found.pictures] == [
        ("images/a.jpg", "Train", "1 0.25 0.2 0.3 0.2\n"),
        ("b.jpg", "Train", ""),
    ]
    assert found.oddities == []


def test_crowds_are_left_out_and_outlines_taken_as_boxes_and_both_are_told(source_of):
    objects = [
        {"image_id": 1, "category_id": 3, "iscrowd": 1, "segmentation": {"counts": [1], "size": [2, 2]}},
        {"image_id": 1, "category_id": 3, "iscrowd": 0, "segmentation": OUTLINE},
        {"image_id": 1, "category_id": 3, "iscrowd": 0, "segmentation": {"counts": "x", "size": [2, 2]}},
    ]

    found = read(source_of({"a.json": annotations([{"id": 1, "file_name": "a.jpg"}], objects), "a.jpg": b""}))

    # x from 10 to 50 of 100, y from 5 to 80 of 200
    assert found.pictures[0].label == "0 0.3 0.2125 0.4 0.375\n"
    assert found.oddities == [
        "1 regions of crowds were left out",
        "1 objects have an outline and no box: taken as the upright box of the outline",
        "1 objects have neither a box nor an outline of corners: left out",
    ]


def test_pictures_that_are_missing_twice_or_unnamed_are_counted(source_of):
    images = [
        {"id": 1, "file_name": "a.jpg"},
        {"id": 2, "file_name": "gone.jpg"},
        {"id": 3, "file_name": "a.jpg"},
    ]

    found = read(source_of({"a.json": annotations(images, []), "a.jpg": b"", "other.jpg": b""}))

    assert [each.name for each in found.pictures] == ["a.jpg"]
    assert sorted(found.oddities) == [
        "1 pictures are named in no JSON: left out",
        "1 pictures are named in the JSON and not there: left out",
        "1 pictures are named twice: the first time counts",
    ]


def test_equal_names_are_told_apart_by_folder_and_subset(source_of):
    train, val = (annotations([{"id": 1, "file_name": "f.jpg"}], []) for _ in range(2))
    files = {"instances_train.json": train, "instances_val.json": val, "train/f.jpg": b"", "val/f.jpg": b""}

    found = read(source_of(files))

    assert {(each.name, each.subset) for each in found.pictures} == {
        ("train/f.jpg", "train"),
        ("val/f.jpg", "val"),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"images": [{"id": 1, "file_name": "a.jpg"}]},
        {"images": [{"id": 1, "file_name": "a.jpg", "width": 0, "height": 0}]},
        {"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]},
        {"annotations": [{"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}]},
        {"annotations": [{"image_id": 1, "category_id": 3, "bbox": [1, 2]}]},
        {"categories": ["car"]},
        {"images": None},
    ],
)
def test_what_lacks_a_part_of_the_format_is_told(source_of, change):
    whole = json.loads(
        annotations(
            [{"id": 1, "file_name": "a.jpg"}], [{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}]
        )
    )

    with pytest.raises(DataError, match=r"x\.json in given is not COCO's format"):
        read(source_of({"x.json": json.dumps({**whole, **change}), "a.jpg": b""}))


def test_other_json_is_passed_over(source_of):
    source = source_of({"a.json": "{", "b.json": "[]", "c.json": '{"images": []}', "d.json": "[" * 100_000})

    assert coco_files(source) == {}


@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/instances_default.json", "default"),
        ("valid/_annotations.coco.json", "valid"),
        ("annotations.json", "train"),
        ("annotations/person_keypoints_train.json", "train"),
    ],
)
def test_the_subset_is_that_of_the_files_name_else_of_its_folder(source_of, name, subset):
    found = read(source_of({name: annotations([{"id": 1, "file_name": "a.jpg"}], []), "a.jpg": b""}))

    assert [each.subset for each in found.pictures] == [subset]
