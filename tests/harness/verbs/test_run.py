from pathlib import Path

import pytest

from harness.errors import StageFailed
from harness.stages.workflow import Ending
from harness.verbs.run import closing, measured

WANTED = {
    "weights": "experiment/weights/yolov4_resnet10_epoch_002.pt",
    "spec for yolo_v4": "specs/filled/yolo_v4_train_resnet10_smoke.txt",
    "scores": "experiment/metrics.json",
    "pictures": "experiment/visualisations/images_annotated",
    "exported model": "experiment/export/yolov4_resnet10.onnx",
}


def test_the_next_command_goes_on_in_the_same_workspace(settings):
    chosen = settings()
    last = closing([Ending(stage="verify", outcome="done")], chosen).splitlines()[-1]
    assert last == f"next: {chosen.command('gen-valid')}"
    assert f"--workspace={chosen.workspace}" in last


def test_a_run_that_failed_ends_with_the_last_lines_of_the_log(settings, tmp_path: Path):
    log = tmp_path / "console.log"
    log.write_text("".join(f"line {number}\n" for number in range(1, 21)))
    failed = Ending(stage="train", outcome="failed", error=StageFailed("no", remedy="x"), log=log)
    endings = [Ending(stage="verify", outcome="kept"), failed, Ending(stage="eval", outcome="not reached")]

    expected = [
        "stage   this run     took  products",
        "verify  was done",
        "train   FAILED",
        "eval    not reached",
        "",
    ]
    expected += [f"last lines of {log}:", *(f"  line {number}" for number in range(6, 21))]
    assert closing(endings, settings()).splitlines() == expected


def test_a_run_ends_with_its_time_and_the_places_of_what_people_look_for(settings, finished_workspace):
    chosen = settings(workspace=str(finished_workspace))
    endings = [Ending(stage=stage, outcome="kept") for stage in ("eval", "vis", "export")]
    endings.insert(0, Ending(stage="train", outcome="done"))

    printed = closing(endings, chosen, lasted_s=125.0).splitlines()

    assert "in all 2 min 05 s" in printed
    places = dict(line.split(": ", 1) for line in printed if line.split(":")[0] in WANTED)
    assert list(places) == list(WANTED)
    for what, name in WANTED.items():
        assert places[what] == f"{finished_workspace}/{name}"
        assert Path(places[what]).exists()


def test_places_of_what_is_not_there_are_not_told(settings, workspace):
    printed = closing([Ending(stage="train", outcome="done")], settings())

    assert "weights:" not in printed


def test_after_the_recipe_for_tests_nobody_wonders_about_an_accuracy_of_0(settings, finished_workspace):
    printed = measured(settings(workspace=str(finished_workspace)))

    assert "mAP 0.500 (0 is expected of so short a training), bicycle 0.500," in printed


@pytest.mark.parametrize(
    "text", ["", "[]", '{"mAP": 1}', '{"mAP": "high", "AP": {}}', '{"mAP": 1, "AP": []}', "[" * 100_000]
)
def test_scores_that_cannot_be_read_are_told_with_the_way_to_make_them_again(settings, tmp_path, text):
    chosen = settings(workspace=str(tmp_path))
    path = tmp_path / "experiment" / "metrics.json"
    path.parent.mkdir()
    path.write_text(text)

    told = measured(chosen)

    assert told.startswith(f"no scores can be read from {path}; to make them again: jamcam eval")
    assert told.endswith(" --deep=1")
