"""What other settings made is set aside, and taken back when they return: as a person types the commands."""

import json
import shutil

import pytest

from harness.cli import main
from harness.stages.workflow import survey
from harness.workspace.marker import STAGES

FINGERPRINT_DIGITS = 64


def outcomes(printed):
    """{stage: what the closing table says of it}."""
    rows = [line.split("  ") for line in printed.splitlines()]
    return {row[0]: [cell.strip() for cell in row if cell][1] for row in rows if row[0] in STAGES}


def products(workspace):
    """Every file that stages made, and its content."""
    folders = [workspace / "data", workspace / "experiment"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(workspace): path.read_bytes() for path in files}


def calls(path):
    return path.read_text().split() if path.exists() else []


def test_a_training_of_other_epochs_is_set_aside_and_taken_back_without_training(done, tmp_path):
    before = products(done.workspace)
    weights = done.workspace / "experiment" / "weights"

    replaced = done("train", "--epochs=3")

    assert "starting: epochs was 2, is now 3" in replaced
    assert "what other settings made stays until this is done, and is then set aside: experiment/" in replaced
    assert "what was made before is in .kept/train/" in replaced
    assert len(list(weights.iterdir())) == 3
    told = done("status")
    assert "train         to take back" in told
    assert f"aside in {done.workspace}/.kept, to be taken back with their settings: 1 set of products" in told
    assert "(train 1), 0.0 MiB of at most 20 GiB (KEPT_GIB)" in told
    assert "eval          done then" in told
    assert "train takes back what it made with these settings, done 20" in done("why", "train", status=1)
    planned = done("plan")
    first = "# train: epochs was 3, is now 2\n# (takes back what it made with these settings, done 20"
    assert first in planned
    assert "# (stays as it is, once the stages before it took back what they made)" in planned
    assert "yolo_v4 " not in planned

    back = done("all", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))

    assert "train | takes back what it made with these settings, done 20" in back
    assert outcomes(back)["train"] == "taken back"
    assert (outcomes(back)["eval"], outcomes(back)["export"]) == ("was done", "was done")
    assert calls(tmp_path / "calls") == []
    assert products(done.workspace) == before
    assert "nothing to do" in done("all")
    assert "nothing to do" in done("all", "--deep=1")


def test_eval_with_other_epochs_says_what_it_would_replace_and_keeps_it(done, tmp_path):
    done("train", "--epochs=3")

    printed = done("eval")

    assert "starting: epochs was 3, is now 2" in printed
    assert "what was made before is in .kept/train/" in printed
    again = done("train", "--epochs=3", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))
    assert outcomes(again)["train"] == "taken back"
    assert calls(tmp_path / "calls") == []
    assert len(list((done.workspace / "experiment" / "weights").iterdir())) == 3


def test_all_of_another_data_set_and_back(done, tmp_path, tiny_dataset):
    before = products(done.workspace)
    other = tmp_path / "other"
    shutil.copytree(tiny_dataset.parent, other)
    declared = other / "tiny.toml"
    declared.write_text(declared.read_text().replace("test_frames = 8", "test_frames = 6"))

    printed = done("all", f"--dataset={declared}")
    # The fake engine's weights do not depend on the frames, so what only consumes them is right as it is.
    made = [stage for stage, outcome in outcomes(printed).items() if outcome == "done"]
    assert made == [stage for stage in STAGES if stage != "export"]
    planned = done("plan")
    assert planned.count("takes back what it made with these settings") == len(made)

    back = done("all", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))

    assert outcomes(back) == {**dict.fromkeys(made, "taken back"), "export": "was done"}
    assert calls(tmp_path / "calls") == []
    assert products(done.workspace) == before
    assert "nothing to do" in done("all", "--deep=1")


def test_a_set_that_was_changed_is_not_taken_back_and_says_why(done, tmp_path):
    done("train", "--epochs=3")
    (log,) = (done.workspace / ".kept" / "train").glob("*/experiment/yolov4_training_log_resnet10.csv")
    log.write_text(log.read_text().upper())

    printed = done("train", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))

    assert "is not taken back: the contents of experiment/yolov4_training_log_resnet10.csv changed" in printed
    assert calls(tmp_path / "calls") == ["train"]
    assert "nothing to do" in done("train", "--deep=1")


def test_a_comment_changed_in_the_spec_does_not_keep_products_from_being_taken_back(done, tmp_path):
    done("train", "--epochs=3")
    copy = done.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    copy.write_text("# mine\n\n" + copy.read_text())

    printed = done("train", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))

    assert outcomes(printed)["train"] == "taken back"
    assert calls(tmp_path / "calls") == []
    assert "nothing to do" in done("train")


def test_more_than_may_lie_aside_is_removed_by_the_run_after_and_told(done):
    done("train", "--epochs=3")
    kept = done.workspace / ".kept" / "train"
    (first,) = kept.iterdir()

    printed = done("train", "--epochs=4", "--kept-gib=0")

    assert f"jamcam: removed .kept/train/{first.name}, unused for longest" in printed
    (second,) = kept.iterdir()
    assert len(second.name) == FINGERPRINT_DIGITS
    assert second != first


def test_clean_says_what_lay_aside_and_removes_it(done, capsys):
    done("train", "--epochs=3")

    assert main(["clean", f"--workspace={done.workspace}"]) == 0

    printed = capsys.readouterr().out
    assert ".attempts, .kept\nwith .kept: 1 set of products (train 1), 0.0 MiB" in printed
    assert not (done.workspace / ".kept").exists()


@pytest.mark.parametrize("verb", ["train", "all", "plan"])
def test_only_verbs_that_say_so_take_force(done, verb):
    before = products(done.workspace)

    assert f"{verb} does not take --force" in done(verb, "--force", status=2)

    assert products(done.workspace) == before


def test_a_forecast_of_what_is_taken_back_believes_no_marker_that_does_not_fit(done, settings):
    done("train", "--epochs=3")
    (marker,) = (done.workspace / ".kept" / "train").glob("*/marker.json")
    table = json.loads(marker.read_text())
    marker.write_text(json.dumps({**table, "products": [{**table["products"][0], "path": "data/.frames"}]}))

    (step,) = [step for step in survey(settings(), ["train"]) if step.stage == "train"]

    assert step.coming is None
    assert step.argv != ()


def test_a_training_of_auto_is_one_of_the_format_that_it_chose(done, tmp_path):
    first = done("train", "--numbers=auto", FAKE_NUMBER_FORMAT="bf16")
    assert "starting: numbers was fp32, is now auto" in first

    assert "nothing to do" in done("train", "--numbers=bf16")
    assert "nothing to do" in done("train", "--numbers=auto")
    assert "numbers was auto, is now fp16" in done("why", "train", "--numbers=fp16", status=1)

    done("train", "--numbers=fp16", FAKE_NUMBER_FORMAT="fp16")
    back = done("train", "--numbers=bf16", FAKE_YOLO_V4_CALLS=str(tmp_path / "calls"))

    assert outcomes(back)["train"] == "taken back"
    assert calls(tmp_path / "calls") == []


def test_of_an_engine_that_does_not_tell_its_format_auto_is_none_of_them(done):
    done("train", "--numbers=auto")

    assert "numbers was auto, is now bf16" in done("why", "train", "--numbers=bf16", status=1)


def test_fp32_on_a_newer_gpu_is_what_auto_chose_there_though_it_computes_in_tf32(done):
    done("train", "--numbers=auto", FAKE_NUMBER_FORMAT="tf32")

    assert "nothing to do" in done("train", "--numbers=fp32")
