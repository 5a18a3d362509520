from datetime import datetime

import pytest

from harness.engine.prediction import PLACE, find_model, own_names, read_counts, read_facts
from harness.errors import CannotTell, ConfigError, DataError
from harness.workspace.layout import Workspace


@pytest.fixture
def room(tmp_path):
    """A workspace with two checkpoints and the spec that was used."""
    weights = tmp_path / "experiment" / "weights"
    weights.mkdir(parents=True)
    for name in ("yolov4_resnet18_epoch_009.pt", "yolov4_resnet18_epoch_010.hdf5"):
        (weights / name).write_bytes(b"")
    (tmp_path / "experiment" / "spec.txt").write_text("")
    (tmp_path / "experiment" / "model_output_labels.txt").write_text("")
    return Workspace(tmp_path)


def find(room, model="", spec="", checkpoint="last"):
    return find_model(room, model, spec, checkpoint=checkpoint, train="make train")


def test_the_last_checkpoint_is_taken_with_the_spec_beside_it(room):
    found = find(room)

    assert found.model == room.experiment / "weights" / "yolov4_resnet18_epoch_010.hdf5"
    assert found.spec == room.experiment / "spec.txt"


def test_the_best_checkpoint_is_the_one_that_the_training_log_tells(room):
    log = room.experiment / "yolov4_training_log_resnet18.csv"
    log.write_text("epoch,loss,mAP\r\n8,1,0.9\r\n9,1,0.5\r\n10,1,0.4\r\n")

    assert find(room, checkpoint="best").model.name == "yolov4_resnet18_epoch_009.pt"
    log.write_text("epoch,loss,mAP\r\n9,1,nan\r\n10,1,nan\r\n")
    with pytest.raises(CannotTell, match="which checkpoint is the best is not known"):
        find(room, checkpoint="best")


def test_a_model_that_is_named_has_the_spec_that_is_named_or_lies_beside_it(room, tmp_path):
    other = room.experiment / "weights" / "yolov4_resnet18_epoch_009.pt"
    (tmp_path / "own.txt").write_text("")
    (tmp_path / "m.onnx").write_bytes(b"")

    assert find(room, str(other)).spec == room.experiment / "spec.txt"
    assert find(room, str(other), str(tmp_path / "own.txt")).spec == tmp_path / "own.txt"
    assert find(room, str(tmp_path / "m.onnx")).spec is None


def test_two_specs_beside_a_model_are_not_guessed_at(room):
    (room.experiment / "other.txt").write_text("")

    with pytest.raises(ConfigError, match="nothing tells the spec"):
        find(room)


def test_own_names_of_classes_are_those_of_the_workspaces_models_alone(room, tmp_path):
    room.frames.mkdir(parents=True)
    (room.frames / "obj.names").write_text("car\ntraffic light\n")

    assert own_names(room, room.experiment / "weights" / "a.pt") == {"traffic_light": "traffic light"}
    assert own_names(room, tmp_path.parent / "a.pt") == {}


def test_counts_are_read_by_camera(tmp_path):
    (tmp_path / "counts.csv").write_text(
        ",".join([*PLACE, "bus", "traffic light"])
        + "\n"
        + "a,2026-03-01T10:00:00,,a/1.jpg,,0,2\n"
        + '"b, ""c""",2026-03-01T10:00:00.200000,0.2,clip.mp4,5,1,0\n'
        + "a,,,a/2.jpg,,1,1\n"
    )

    first, second = read_counts(tmp_path / "counts.csv")

    assert (first.camera, second.camera) == ("a", 'b, "c"')
    assert first.times == [datetime(2026, 3, 1, 10), None]
    assert second.times == [datetime(2026, 3, 1, 10, 0, 0, 200_000)]
    assert (first.seconds, second.seconds) == ([None, None], [0.2])
    assert first.frames == ["a/1.jpg", "a/2.jpg"]
    assert first.counts == {"bus": [0, 1], "traffic light": [2, 1]}


@pytest.mark.parametrize("content", ["", "camera,time\na\n", ",".join([*PLACE, "car"]) + "\na,,,f,,many\n"])
def test_a_file_that_is_no_table_of_counts_is_told(tmp_path, content):
    (tmp_path / "counts.csv").write_text(content)

    with pytest.raises(DataError, match=r"counts.csv cannot be read"):
        read_counts(tmp_path / "counts.csv")


def test_facts_are_those_of_the_last_line(tmp_path):
    assert read_facts(tmp_path) == {}
    (tmp_path / "status.json").write_text('{"kpi": {"frames": 1}}\n{"kpi": {"frames": 2}}\n')
    assert read_facts(tmp_path) == {"frames": 2}
