"""Beside the templates of a workspace lie specs without blanks, which serve from any folder."""

import json
import re
import shutil

import pytest

from harness.errors import ConfigError
from harness.stages.filled_specs import fill_in
from harness.verbs.tidy import clean
from harness.workspace.layout import Workspace
from harness.workspace.snapshot import Snapshot

NAMES = [
    "yolo_v4_tfrecords_jamcam_test.txt",
    "yolo_v4_tfrecords_jamcam_train.txt",
    "yolo_v4_tfrecords_jamcam_val.txt",
    "yolo_v4_train_resnet10_smoke.txt",
]


def paths_in(text):
    return re.findall(r'(?:path|directory_path): "([^"]*)"', text)


def test_a_finished_run_leaves_specs_without_blanks_and_names_the_one_of_the_experiment(done):
    folder = done.workspace / "specs" / "filled"
    printed = done("all")

    assert sorted(path.name for path in folder.iterdir()) == NAMES
    for name in NAMES:
        text = (folder / name).read_text()
        assert "$" not in text
        assert paths_in(text)
        assert all(path.startswith(f"{done.workspace}/data/") for path in paths_in(text)), name
        assert text.splitlines()[0].endswith(f"edit ../{name}")
    assert f"spec for yolo_v4: {folder / NAMES[-1]}" in printed


def test_the_filled_spec_is_the_one_that_was_trained_with_in_another_place(done):
    done("all")
    filled = (done.workspace / "specs" / "filled" / NAMES[-1]).read_text()
    used = (done.workspace / "experiment" / NAMES[-1]).read_text()

    assert filled.partition("\n")[2].replace(f'"{done.workspace}/', '"./') == used


def test_a_workspace_that_was_moved_is_filled_in_again_by_the_next_run_and_by_no_later_one(done, tmp_path):
    done("all")
    shutil.move(done.workspace, tmp_path / "moved")
    done.workspace = tmp_path / "moved"
    path = done.workspace / "specs" / "filled" / NAMES[-1]

    assert "nothing to do" in done("all")
    assert all(each.startswith(f"{tmp_path}/moved/") for each in paths_in(path.read_text()))
    written_ns = path.stat().st_mtime_ns
    done("all")
    assert path.stat().st_mtime_ns == written_ns


def test_a_run_that_stops_before_training_leaves_the_filled_specs_as_they_are(done):
    done("all")
    path = done.workspace / "specs" / "filled" / NAMES[-1]
    before = path.read_text()

    done("tune-bdb", "--epochs=9")

    assert path.read_text() == before
    done("train", "--epochs=3")
    assert "num_epochs: 3" in path.read_text()


def test_filled_specs_are_removed_with_what_stages_made_and_the_templates_stay(done):
    done("all")

    removed, _ = clean(Workspace(done.workspace), archive="frames.zip", keep=True)

    assert "specs/filled" in removed
    assert sorted(path.name for path in (done.workspace / "specs").iterdir()) == [".copied.json", *NAMES]


def test_filled_specs_are_not_written_through_a_link(done, settings, tmp_path):
    chosen = settings(workspace=str(done.workspace))
    shutil.rmtree(done.workspace / "specs" / "filled", ignore_errors=True)
    (tmp_path / "elsewhere").mkdir()
    (done.workspace / "specs" / "filled").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="specs/filled is a link"):
        fill_in(chosen, Snapshot(Workspace(done.workspace)))

    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"small": 3})])
def test_anchors_that_cannot_be_read_are_told_with_the_way_to_make_them_again(done, settings, text):
    chosen = settings(workspace=str(done.workspace))
    (done.workspace / "experiment" / "anchors.json").write_text(text)

    with pytest.raises(ConfigError, match="no anchors can be read from") as refused:
        fill_in(chosen, Snapshot(Workspace(done.workspace)))

    assert "jamcam tune-bdb" in refused.value.remedy
