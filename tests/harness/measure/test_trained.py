import json
import shutil

import pytest

from harness.measure.trained import quantities_of, read_trained, train_s
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, read_marker

LOG = "epoch,loss,mAP\r\n1,12.5,nan\r\n2,9.25,0.4\r\n"


def markers_of(workspace):
    found = {stage: read_marker(workspace, stage) for stage in STAGES}
    return {stage: marker for stage, marker in found.items() if marker}


@pytest.fixture
def finished(finished_workspace, tmp_path):
    """A copy of a finished workspace."""
    shutil.copytree(finished_workspace, tmp_path / "copy")
    return Workspace(tmp_path / "copy")


def test_the_quantities_are_the_precisions_on_the_test_frames_and_the_last_loss():
    metrics = {"mAP": 0.5, "AP": {"car": 0.75, "truck": None}}
    assert quantities_of(metrics, LOG) == {"mAP": 0.5, "AP car": 0.75, "AP truck": None, "loss": 9.25}


@pytest.mark.parametrize(
    ("metrics", "log", "expected"),
    [
        ({}, "", {"mAP": None, "loss": None}),
        ({"mAP": None, "AP": []}, "epoch,loss\n1,nan\n", {"mAP": None, "loss": None}),
        ({"mAP": "high", "AP": {"car": {}}}, "epoch\n1\n", {"mAP": None, "AP car": None, "loss": None}),
        ({"mAP": float("inf")}, "epoch,loss\n1,\0\n", {"mAP": None, "loss": None}),
        ({"mAP": 10**400}, "epoch,loss\n1\n", {"mAP": None, "loss": None}),
        ({"mAP": 1}, " epoch , loss \n1, 2.5\n", {"mAP": 1.0, "loss": 2.5}),
    ],
)
def test_what_is_no_number_is_none(metrics, log, expected):
    assert quantities_of(metrics, log) == expected


def test_settings_tell_all_that_decides_and_no_seed(finished):
    trained = read_trained(finished, markers_of(finished))

    assert trained.values["mAP"] == 0.5
    assert trained.values["AP motorbike"] is None
    assert trained.values["loss"] == 1.0
    assert set(trained.settings) == {
        *("data_sha256", "gen-valid", "tune-bdb", "convert-data", "train", "eval"),
        *("train number format", "eval number format"),
    }
    assert trained.settings["train"]["epochs"] == "2"
    assert trained.settings["train"]["engine"] == "yolo_v4 on PATH"
    assert "seed" not in json.dumps(trained.settings).replace('"resnet', "")
    assert trained.settings["train number format"] is None  # the stand-in does not tell
    assert str(finished.root) not in json.dumps(trained.settings)


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--seed=7"], set()),
        (["--epochs=3"], {"train"}),
        (["--val-split=30"], {"gen-valid"}),
        (["--limit=8"], {"data_sha256"}),
    ],
)
def test_another_seed_is_of_the_same_settings_and_other_settings_are_not(jamcam, finished, options, changed):
    before = read_trained(finished, markers_of(finished)).settings
    jamcam.workspace = finished.root
    jamcam("eval", *options)
    after = read_trained(finished, markers_of(finished)).settings

    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    ("options", "number_format", "mixed"),
    [
        (["--numbers=auto"], "fp32", False),
        (["--numbers=auto"], "tf32", False),
        (["--numbers=auto"], "bf16", True),
        (["--numbers=bf16"], "bf16", True),
        (["--numbers=auto"], None, True),  # an engine that does not tell: it was allowed
    ],
)
def test_what_was_computed_in_counts_and_not_what_was_asked_for(
    jamcam, finished, options, number_format, mixed
):
    jamcam.workspace = finished.root
    jamcam("train", *options, **({"FAKE_NUMBER_FORMAT": number_format} if number_format else {}))

    settings = read_trained(finished, markers_of(finished)).settings

    assert settings["train"]["mixed_precision"] is mixed
    assert "numbers" not in settings["train"]
    assert settings["train number format"] == number_format


def test_ingredients_that_are_not_those_of_the_marker_are_not_believed(finished):
    path = finished.marker_inputs("train")
    table = json.loads(path.read_text())
    table["inputs"]["epochs"] = "80"
    path.write_text(json.dumps(table))
    assert read_trained(finished, markers_of(finished)).settings["train"] is None

    path.unlink()
    assert read_trained(finished, markers_of(finished)).settings["train"] is None
    assert read_trained(finished, {}).settings["data_sha256"] is None


def test_a_training_in_one_go_has_a_time_and_one_that_went_on_has_none(jamcam):
    jamcam("train")
    marker = read_marker(Workspace(jamcam.workspace), "train")
    assert train_s(Workspace(jamcam.workspace), marker) == marker.duration_s

    jamcam("train", "--epochs=3", status=1, FAKE_YOLO_V4="train=crash")
    process = jamcam.start("train", "--epochs=3", FAKE_YOLO_V4="train=hang-after-1")
    for line in process.stdout:
        if "Epoch 1/3" in line:
            break
    process.terminate()
    process.communicate(timeout=60)
    assert "goes on after epoch 1" in jamcam("train", "--epochs=3")
    assert train_s(Workspace(jamcam.workspace), read_marker(Workspace(jamcam.workspace), "train")) is None


def test_where_the_attempt_is_gone_the_time_is_not_known(finished):
    marker = read_marker(finished, "train")
    shutil.rmtree(finished.attempts)
    assert train_s(finished, marker) is None
