import json
import os
import shutil

import pytest

from harness.settings.declared import SPECS
from harness.stages.workflow import KINDS, needed, survey, templates
from harness.workspace.layout import Workspace
from harness.workspace.lock import holder_of
from harness.workspace.marker import STAGES
from tests.waiting import until


def calls(path):
    return path.read_text().split() if path.exists() else []


def done_stages(printed):
    """Stages that the closing table says were done in this run."""
    rows = [line.split() for line in printed.splitlines()]
    return [row[0] for row in rows if len(row) > 2 and row[0] in STAGES and row[1] == "done"]


def test_each_stage_is_spelt_the_same_everywhere():
    assert list(KINDS) == list(STAGES)
    for name, kind in KINDS.items():
        assert kind.__name__ == "".join(word.capitalize() for word in name.split("-"))
        assert kind.__module__ == f"harness.stages.{name.replace('-', '_')}"


def test_a_stage_needs_all_that_lies_before_it_and_nothing_else():
    assert needed(["tune-bdb"]) == ["download", "verify", "gen-valid", "tune-bdb"]
    assert needed(["vis", "verify"]) == [name for name in STAGES if name not in ("eval", "export")]


def test_all_nine_stages_run_and_are_done(finished_workspace, settings, monkeypatch, tmp_path):
    shutil.copytree(finished_workspace, tmp_path / "moved")

    steps = survey(settings(workspace=str(tmp_path / "moved")), STAGES)

    assert [(step.stage, step.reasons) for step in steps] == [(stage, ()) for stage in STAGES]
    assert holder_of(Workspace(finished_workspace)) is None


def test_the_spec_as_used_has_no_absolute_path_and_no_blank(finished_workspace):
    text = (finished_workspace / "experiment" / "yolo_v4_train_resnet10_smoke.txt").read_text()

    assert "$" not in text.replace("with a dollar sign", "")
    assert str(finished_workspace) not in text
    assert 'tfrecords_path: "./data/val/tfrecords/val-fold*"' in text
    assert 'big_anchor_shape: "[(32.00, 36.00), (36.00, 41.00), (40.00, 46.00)]"' in text


def test_the_anchors_are_kept_by_scale(finished_workspace):
    anchors = json.loads((finished_workspace / "experiment" / "anchors.json").read_text())

    assert anchors["small"] == [[8, 6], [12, 11], [16, 16]]
    assert sorted(anchors) == ["big", "mid", "small"]


def test_test_and_validation_frames_are_measured(finished_workspace):
    for name, split in (("metrics", "test"), ("metrics_val", "val")):
        table = json.loads((finished_workspace / "experiment" / f"{name}.json").read_text())
        assert (table["split"], table["mAP"], table["AP"]["motorbike"]) == (split, 0.5, None)


def test_no_product_tells_where_or_when_it_was_made(finished_workspace):
    for marker in (finished_workspace / ".markers").glob("*.json"):
        for product in json.loads(marker.read_text())["products"]:
            path = finished_workspace / product["path"]
            for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
                assert os.fsencode(finished_workspace) not in file.read_bytes(), file


def test_a_second_run_does_nothing(done, tmp_path):
    printed = done("all", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))

    assert (
        "nothing to do: download, verify, gen-valid, tune-bdb, convert-data, train, eval, vis, export"
        in printed
    )
    assert calls(tmp_path / "calls") == []


@pytest.mark.slow
def test_a_changed_parameter_runs_that_stage_and_what_follows_and_nothing_else(done):
    assert done_stages(done("all", "--epochs=3")) == ["train", "eval", "vis", "export"]


def test_a_conversion_is_told_in_a_line_for_each_split(done):
    (done.workspace / ".markers" / "convert-data.json").unlink()

    told = [line for line in done("convert-data").splitlines() if line.startswith("convert-data | ")]

    assert told[1:-1] == [
        "convert-data | train: 13 frames in 1 file",
        "convert-data | val: 3 frames in 1 file",
        "convert-data | test: 8 frames in 1 file",
    ]


def test_a_deleted_product_is_made_again_and_what_consumed_it_is_still_right(done):
    (done.workspace / "data" / ".frames" / "labels" / "f003.txt").unlink()

    assert done_stages(done("export")) == ["verify"]
    assert (done.workspace / "data" / ".frames" / "labels" / "f003.txt").exists()


@pytest.mark.slow
def test_a_stage_runs_again_when_what_it_consumed_came_out_different(done):
    (done.workspace / "specs" / "yolo_v4_tfrecords_jamcam_val.txt").write_text(
        'kitti_config { root_directory_path: "$workspace/data/test" }'
    )

    # The fake engine's weights do not depend on its records: vis and export are right as they are.
    assert done_stages(done("all")) == ["convert-data", "train", "eval"]


def test_a_comment_changed_in_a_spec_after_a_finished_run_leaves_nothing_to_do_and_a_value_does_not(done):
    copy = done.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    copy.write_text("# mine\n\n" + copy.read_text().replace("  jitter: 0.3", "\tjitter: 0.3 # as before"))
    assert "nothing to do" in done("all")

    copy.write_text(copy.read_text().replace("jitter: 0.3", "jitter: 0.4"))
    line = copy.read_text().splitlines().index("\tjitter: 0.4 # as before") + 1

    assert f"spec line {line} was 'jitter: 0.3', is now 'jitter: 0.4 # as before'" in done(
        "why", "train", status=1
    )
    assert done_stages(done("train")) == ["train"]


def test_a_mistyped_field_of_a_spec_is_refused_before_anything_runs(jamcam):
    copy = jamcam.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    text = (SPECS / copy.name).read_text().replace("  hue: 0.1", "  hueX: 0.1")
    copy.parent.mkdir(parents=True)
    copy.write_text(text)

    printed = jamcam("download", status=2)

    line = text.splitlines().index("  hueX: 0.1") + 1
    assert f"{copy} line {line}: there is no field hueX in augmentation_config" in printed
    assert "did you mean hue?" in printed
    assert not Workspace(jamcam.workspace).attempts.exists()
    assert f"# would be refused here: {copy} line {line}" in jamcam("plan")


def test_a_verb_runs_what_it_needs_and_flags_run_in_order(jamcam):
    assert done_stages(jamcam("--verify", "--download")) == ["download", "verify"]
    assert done_stages(jamcam("tune-bdb")) == ["gen-valid", "tune-bdb"]


def test_stages_that_do_not_depend_on_each_other_run_side_by_side(done, tmp_path):
    for stage in ("tune-bdb", "convert-data"):
        (done.workspace / ".markers" / f"{stage}.json").unlink()
    # kmeans hangs until it is told that dataset_convert has been asked meanwhile.
    calls_path, pid_path = tmp_path / "calls", tmp_path / "pid"
    run = done.start(
        "--tune-bdb",
        "--convert-data",
        FAKE_YOLO_V4="kmeans=hang",
        FAKE_YOLO_V4_CALLS=str(calls_path),
        FAKE_YOLO_V4_PID=str(pid_path),
    )
    until(lambda: calls(calls_path).count("dataset_convert") == 3, process=run)
    os.kill(int(until(lambda: pid_path.exists() and pid_path.read_text(), process=run)), 9)
    printed, _ = run.communicate(timeout=30)

    assert run.returncode == 1
    assert done_stages(printed)[-1] == "convert-data"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("idle", "expected a checkpoint of epoch 3 in the end, found checkpoints of epochs: none"),
        ("sulk", "yolo_v4 train said FAILURE at last: training was interrupted"),
        ("crash", "yolo_v4 train ended with exit status 1 and said FAILURE at last: out of memory"),
    ],
)
def test_an_engine_that_fails_is_quoted_with_its_log_and_the_command_that_goes_on(done, how, expected):
    printed = done("all", "--epochs=3", status=1, FAKE_YOLO_V4=f"train={how}")

    assert f"jamcam: train: {expected}" in printed
    assert "last lines of" in printed
    assert "then go on with: jamcam train --" in printed
    assert "eval          not reached" in printed


def test_a_failure_points_at_the_spec_that_was_edited(done):
    copy = done.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    copy.write_text(copy.read_text().replace("nlayers: 10", "nlayers: 18"))

    assert f"console.log and look at the spec you edited, {copy}, then" in done(
        "train", status=1, FAKE_YOLO_V4="train=crash"
    )


def test_an_engine_that_says_success_and_makes_nothing_is_refused(done):
    (done.workspace / ".markers" / "export.json").unlink()

    printed = done("export", status=1, FAKE_YOLO_V4="export=idle")

    assert "jamcam: export: promised experiment/export and did not make it" in printed
    assert not (done.workspace / ".markers" / "export.json").exists()


def test_every_recipe_uses_its_own_spec_and_the_three_conversion_specs(settings):
    assert templates(settings()) == (
        "yolo_v4_train_resnet10_smoke.txt",
        "yolo_v4_tfrecords_jamcam_train.txt",
        "yolo_v4_tfrecords_jamcam_val.txt",
        "yolo_v4_tfrecords_jamcam_test.txt",
    )


def test_products_that_a_marker_from_elsewhere_names_are_not_removed(done, tmp_path):
    precious = tmp_path / "outside" / "precious"
    precious.parent.mkdir()
    precious.write_text("of somebody else")
    path = done.workspace / ".markers" / "vis.json"
    table = json.loads(path.read_text())
    more = [str(precious.parent), f"data/../../{precious.parent.name}"]
    table["products"] += [{"path": place, "bytes": 1, "files": 1, "sha256": "0" * 64} for place in more]
    path.write_text(json.dumps(table))

    printed = done("vis")

    assert f".markers/vis.json proves nothing: it names '{precious.parent}', which vis never makes" in printed
    assert precious.read_text() == "of somebody else"
    assert "nothing to do" in done("vis")
