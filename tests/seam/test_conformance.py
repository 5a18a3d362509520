"""One suite for every engine: what the harness asks is answered, and the answer is where it is expected."""

import json

CLASSES = {"person", "bicycle", "car", "motorbike", "bus", "truck"}
STAGES = ("download", "verify", "gen-valid", "tune-bdb", "convert-data", "train", "eval", "vis", "export")


def test_all_nine_stages_are_done_and_stay_so(subject):
    shown = subject.jamcam("status").stdout
    assert sum(" done" in line for line in shown.splitlines()) == len(STAGES), shown


def test_every_epoch_leaves_weights_under_the_name_of_the_release(subject):
    weights = {
        path.name: path.stat().st_size for path in (subject.workspace / "experiment" / "weights").iterdir()
    }
    assert set(weights) == {f"yolov4_resnet10_epoch_{epoch:03d}{subject.weights}" for epoch in (1, 2)}
    assert all(weights.values())


def test_the_training_log_has_a_row_for_each_epoch(subject):
    text = (subject.workspace / "experiment" / "yolov4_training_log_resnet10.csv").read_bytes().decode()
    head, *rows = text.split("\r\n")[:-1]
    columns = head.split(",")
    assert columns[0] == "epoch"
    assert {*columns[1:]} == {*(f"AP_{name}" for name in CLASSES), "loss", "lr", "mAP", "validation_loss"}
    assert [row.split(",")[0] for row in rows] == ["1", "2"]


def test_nine_anchors_come_in_three_groups_from_small_to_big(subject):
    anchors = json.loads((subject.workspace / "experiment" / "anchors.json").read_text())
    areas = [width * height for scale in ("small", "mid", "big") for width, height in anchors[scale]]
    assert len(areas) == 9
    assert areas == sorted(areas)


def test_records_are_there_for_every_split(subject):
    for split in ("train", "val", "test"):
        records = list((subject.workspace / "data" / split / "tfrecords").iterdir())
        assert records
        assert all(path.name.startswith(f"{split}-fold-") for path in records)


def test_every_class_has_a_figure_or_no_ground_truth(subject):
    for name in ("metrics.json", "metrics_val.json"):
        found = json.loads((subject.workspace / "experiment" / name).read_text())
        assert set(found["AP"]) == CLASSES
        assert all((found["AP"][label] is None) == (found["boxes"][label] == 0) for label in CLASSES)
        assert 0 <= found["mAP"] <= 1


def test_frames_are_shown_with_their_labels(subject):
    shown = subject.workspace / "experiment" / "visualisations"
    pictures = {path.stem for path in (shown / "images_annotated").iterdir()}
    assert len(pictures) == 4
    assert {path.stem for path in (shown / "labels").iterdir()} == pictures


def test_the_export_is_there(subject):
    files = {
        path.name: path.stat().st_size for path in (subject.workspace / "experiment" / "export").iterdir()
    }
    assert files[f"yolov4_resnet10{subject.export}"] > 0


def test_the_marker_names_who_answered_and_no_secret(subject):
    for stage in ("tune-bdb", "convert-data", "train", "eval", "vis", "export"):
        engine = subject.marker(stage)["engine"]
        assert (engine["name"] == "tao") == ("--engine=tao" in subject.options)
    for path in subject.workspace.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".log", ".txt"):
            assert "open sesame" not in path.read_text(), path


def test_an_unknown_flag_is_usage(subject):
    assert (
        subject.ask("train", "-e", "spec.txt", "-r", "results", "-k", "key", "--colour", "blue").returncode
        == 2
    )


def test_a_spec_that_is_not_there_ends_badly(subject, tmp_path):
    ended = subject.ask(
        "train", "-e", str(tmp_path / "none.txt"), "-r", str(tmp_path / "results"), "-k", "key"
    )
    assert ended.returncode not in (0, 2)
