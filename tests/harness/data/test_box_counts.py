from harness.data.box_counts import Count, count_boxes, table
from harness.settings.dataset import Dataset


def of_classes(*names):
    return Dataset(name="d", title="d", archive="d.zip", classes=names)


def test_boxes_are_counted_by_class_and_frames_without_any_apart(tmp_path):
    (tmp_path / "a.txt").write_text("car 0 0 0 1 1 9 9\nbus 0 0 0 1 1 9 9\ncar 0 0 0 1 1 9 9\n")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "c.txt").write_text("bus 0 0 0 1 1 9 9\n")

    counted = count_boxes(tmp_path, ["a", "b"], of_classes("car", "bus", "truck"))

    assert counted == Count(frames=2, empty_frames=1, boxes={"car": 2, "bus": 1, "truck": 0})


def test_classes_with_blanks_and_accents_are_counted_by_their_own_names(tmp_path):
    (tmp_path / "a.txt").write_text("traffic_light 0 0 0 1 1 9 9\nVelo 0 0 0 1 1 9 9\n")

    assert count_boxes(tmp_path, ["a"], of_classes("traffic light", "V\u00e9lo")).boxes == {
        "traffic light": 1,
        "V\u00e9lo": 1,
    }


def test_the_table_has_a_column_for_each_split_and_one_for_all():
    counts = {
        "train": Count(frames=901, empty_frames=3, boxes={"person": 1200, "car": 8000}),
        "validation": Count(frames=100, empty_frames=0, boxes={"person": 90, "car": 812}),
    }

    assert table(counts) == (
        "                      train  validation         all\n"
        "samples                 901         100        1001\n"
        "  without boxes           3           0           3\n"
        "boxes                  9200         902       10102\n"
        "  person               1200          90        1290\n"
        "  car                  8000         812        8812"
    )
