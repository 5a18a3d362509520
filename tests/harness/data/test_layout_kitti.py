import pytest

from harness.data.layout_kitti import is_kitti, read_kitti

CAR = "Car 0.00 0 1.55 10 5 60 25 1.6 1.5 3 1 1 1 1\n"


def test_corners_in_pixels_become_shares_of_the_picture(source_of, picture):
    files = {"image_2/a.png": picture(100, 50), "label_2/a.txt": CAR + CAR.replace("Car", "Tram")}

    found = read_kitti(source_of(files))

    assert found.classes == ("Car", "Tram")
    # (10 + 60) / 200, (5 + 25) / 100, 50 / 100, 20 / 50
    assert found.pictures[0].label == "0 0.35 0.3 0.5 0.4\n1 0.35 0.3 0.5 0.4\n"


@pytest.mark.parametrize("folders", [("images/", "labels/"), ("cam/image/", "cam/label/"), ("", "")])
def test_labels_lie_in_a_folder_beside_or_with_the_pictures(source_of, picture, folders):
    found = read_kitti(source_of({f"{folders[0]}a.png": picture(), f"{folders[1]}a.txt": CAR}))

    assert [each.folder for each in found.pictures] == ["cam" if "cam" in folders[0] else ""]


def test_a_folder_training_around_them_is_the_subset(source_of, picture):
    found = read_kitti(source_of({"training/image_2/a.png": picture(), "training/label_2/a.txt": CAR}))

    assert [(each.subset, each.folder) for each in found.pictures] == [("training", "")]


def test_what_is_left_out_is_counted(source_of, picture):
    files = {
        "images/a.png": picture(),
        "labels/a.txt": f"{CAR}DontCare{CAR[3:]}1 0.5 0.5 0.1 0.1\n{CAR.replace('10 5', 'ten 5')}",
        "images/b.png": picture(),
    }

    found = read_kitti(source_of(files))

    assert len(found.pictures[0].label.splitlines()) == 1
    assert sorted(found.oddities) == [
        "1 pictures have no label file: left out",
        "1 regions DontCare were left out",
        "2 lines have fewer than 15 columns or no numbers: left out",
    ]


def test_boxes_over_the_edge_are_clipped(source_of, picture):
    files = {"images/a.png": picture(100, 50), "labels/a.txt": CAR.replace("10 5 60 25", "-10 -5 200 50.5")}

    assert read_kitti(source_of(files)).pictures[0].label == "0 0.5 0.5 1 1\n"


def test_texts_of_other_kinds_are_no_labels_of_kitti(source_of):
    assert is_kitti(source_of({"a.txt": "", "b.txt": CAR}))
    assert not is_kitti(source_of({"a.txt": "0 0.5 0.5 0.1 0.1\n", "b.txt": "x " * 15, "c.json": CAR}))
