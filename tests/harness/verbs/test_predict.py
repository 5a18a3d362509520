import json
import shutil
import sys

import pytest

from harness.verbs.predict import counted


@pytest.fixture
def street(tmp_path):
    folder = tmp_path / "나의 거리"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"")
    return folder


@pytest.fixture
def predict(done, tmp_path):
    """`jamcam predict` in a workspace where all is done; the settings that it has no use for are left out."""

    def run(*words, status=0, **environment):
        done.options = lambda: ["--engine=here", f"--workspace={done.workspace}"]
        return done("predict", *map(str, words), status=status, **environment)

    run.workspace = done.workspace
    return run


def call(out):
    return json.loads((out / "call.json").read_text())


def test_the_last_model_of_the_workspace_its_spec_and_the_inputs_are_handed_to_the_engine(predict, street):
    printed = predict(street, "--every=2", "--threshold", "0.5")

    out = predict.workspace / "predictions" / "나의 거리"
    experiment = predict.workspace / "experiment"
    (spec,) = [path for path in experiment.glob("*.txt") if path.name != "model_output_labels.txt"]
    assert call(out) == [
        *("predict", "-m", str(experiment / "weights" / "yolov4_resnet10_epoch_002.pt"), "-e", str(spec)),
        *("-r", str(out), "--every=2", "--threshold=0.5", "-i", str(street)),
    ]
    assert printed.splitlines()[0] == f"predict: {call(out)[2]}; results go to {out}"


def test_it_ends_with_what_was_counted_and_where_it_lies(predict, street):
    printed = predict(street)

    out = predict.workspace / "predictions" / "나의 거리"
    assert printed.splitlines()[1:] == [
        "6 objects on 4 pictures and frames, cameras: 1; what stands on several of them counts on each",
        "class  objects  pictures with it  mean on a picture  most on one",
        "car    6        3                 1.5                3",
        f"counts               {out / 'counts.csv'}, drawn in counts.png and counts.svg",
        f"detections           {out / 'detections.csv'} and detections.jsonl",
        f"pictures with boxes  {out / 'annotated'}",
        f"KITTI labels         {out / 'labels'}",
    ]
    assert (out / "counts.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "counts.svg").read_bytes().startswith(b"<?xml")


def test_pictures_that_could_not_be_read_end_it_with_5_after_everything_else(predict, street):
    printed = predict(street, status=5, FAKE_YOLO_V4="predict=unread")

    out = predict.workspace / "predictions" / "나의 거리"
    assert "jamcam: 1 pictures or videos could not be read: the counts are of the others" in printed
    assert f"{out / 'unread.csv'} names them" in printed
    assert (out / "counts.png").exists()


@pytest.mark.parametrize(
    ("how", "complaint"),
    [("crash", "yolo_v4 predict ended with exit status 1"), ("idle", "yolo_v4 predict left no result in")],
)
def test_an_engine_that_failed_or_left_nothing_is_a_failure(predict, street, how, complaint):
    assert complaint in predict(street, status=1, FAKE_YOLO_V4=f"predict={how}")


def test_another_model_other_places_and_several_inputs(predict, street, tmp_path):
    model = tmp_path / "m.onnx"
    model.write_bytes(b"")
    (tmp_path / "clip.mp4").write_bytes(b"")

    predict(
        street, f"--model={model}", tmp_path / "clip.mp4", f"--out={tmp_path / 'found'}", "--skip-damaged=3"
    )

    assert call(tmp_path / "found") == [
        *("predict", "-m", str(model), "-r", str(tmp_path / "found"), "--skip_damaged=3"),
        *("-i", str(street), str(tmp_path / "clip.mp4")),
    ]
    predict(street, tmp_path / "clip.mp4", f"--model={model}")
    assert (predict.workspace / "predictions" / "나의 거리_and_1_more" / "call.json").exists()


def test_on_names_several_with_commas_unless_it_is_one_path(predict, street, tmp_path):
    with_comma = tmp_path / "a,b"
    with_comma.mkdir()

    predict(f"--on={street},{tmp_path / 'c'}", f"--out={tmp_path / 'one'}")
    assert call(tmp_path / "one")[-3:] == ["-i", str(street), str(tmp_path / "c")]
    predict(f"--on={with_comma}", f"--out={tmp_path / 'two'}")
    assert call(tmp_path / "two")[-2:] == ["-i", str(with_comma)]


def test_names_of_classes_that_the_user_knows_are_handed_over(predict, street):
    names = predict.workspace / "data" / ".frames" / "obj.names"
    names.write_text("person\ntraffic light\n자동차\n")

    predict(street)

    out = predict.workspace / "predictions" / "나의 거리"
    assert json.loads((out / "names.json").read_text()) == {
        "traffic_light": "traffic light",
        "class_2": "자동차",
    }


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        ((), 2, "no picture, folder or video was given"),
        (("STREET", "--model=/nowhere/m.pt"), 2, "there is no model at /nowhere/m.pt"),
        (("STREET", "--engine=tao"), 2, "NVIDIA's yolo_v4 has no predict"),
        (("STREET", "--model=MODEL"), 2, "nothing tells the spec that"),
    ],
)
def test_what_cannot_be_done_is_refused(predict, street, tmp_path, words, status, complaint):
    (tmp_path / "m.pt").write_bytes(b"")
    words = [word.replace("STREET", str(street)).replace("MODEL", str(tmp_path / "m.pt")) for word in words]

    assert complaint in predict(*words, status=status)


def test_a_workspace_without_a_model_says_how_to_get_one(predict, street):
    shutil.rmtree(predict.workspace / "experiment" / "weights")

    printed = predict(street, status=2)

    assert f"no model was trained in {predict.workspace}" in printed
    assert "or give MODEL, a .pt, .hdf5 or .onnx" in printed


def test_nothing_found_has_no_table():
    facts = {"frames": 0, "cameras": 0, "boxes": {"car": 0}, "frames_with": {"car": 0}, "most": {"car": 0}}

    assert counted(facts) == (
        "0 objects on 0 pictures and frames, cameras: 0; what stands on several of them counts on each"
    )


def test_without_matplotlib_the_counts_are_told_all_the_same(monkeypatch, capsys):
    from harness.verbs.predict import _plots

    monkeypatch.setitem(sys.modules, "harness.report.counts", None)

    assert _plots([]) == {}
    assert capsys.readouterr().out.startswith("no plot: ")


def test_the_checkpoint_is_the_one_that_eval_took_unless_one_is_given(jamcam, street):
    jamcam("--eval", "--checkpoint=best", FAKE_YOLO_V4="train=validate")
    jamcam.options = lambda: ["--engine=here", f"--workspace={jamcam.workspace}"]
    weights = jamcam.workspace / "experiment" / "weights"

    for words, epoch in (((), 1), (("--checkpoint=last",), 2)):
        printed = jamcam("predict", str(street), *words)
        assert printed.startswith(f"predict: {weights / f'yolov4_resnet10_epoch_{epoch:03d}.pt'}; ")
