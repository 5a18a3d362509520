import json
from pathlib import Path

import pytest

from yolo_v4.cli import main

# Pictures of 128 x 96 stand at half size in the middle of the 64 x 64 input, 8 pixels down; the model's four
# cars of 20 x 10 around (16 or 48, 16 or 48) are 40 x 20 around (32 or 96, 16 or 80) there.
CAR = "car 0 {occluded} 0 {x1} {y1} {x2} {y2} 0 0 0 0 0 0 0\n"
FOUND = [(12, 6, 52, 26), (76, 6, 116, 26), (12, 70, 52, 90), (76, 70, 116, 90)]
MISSED = (60, 40, 68, 48)


def _cars(*boxes: tuple[int, int, int, int], occluded: int = 0) -> str:
    return "".join(CAR.format(occluded=occluded, x1=x1, y1=y1, x2=x2, y2=y2) for x1, y1, x2, y2 in boxes)


def _evaluate(trained, *more: str) -> int:
    return main(["evaluate", "-m", str(trained.model), "-e", str(trained.spec), *more])


def _last_status(folder: Path) -> dict:
    return json.loads((folder / "status.json").read_text().splitlines()[-1])


def test_every_picture_counts_once_and_the_table_is_tao_s(trained, capsys) -> None:
    for name in ("a.png", "b.png", "c.png"):  # batches of two, and one left over
        trained.add_picture(name, _cars(*FOUND))
    trained.add_picture("d.png", _cars(*FOUND, MISSED, MISSED, MISSED, MISSED))

    assert _evaluate(trained, "-r", str(trained.folder / "results")) == 0

    # 16 of 20 cars found and no false alarm: precision 1 up to recall 0.8, so 9 of 11 points.
    assert capsys.readouterr().out.endswith(
        "Start to calculate AP for each class\n"
        "*******************************\n"
        "bus           AP    0.0\n"
        "car           AP    0.81818\n"
        "              mAP   0.40909\n"
        "*******************************\n"
        "Execution status: PASS\n"
    )
    assert _last_status(trained.folder / "results")["kpi"] == {
        "mAP": pytest.approx(9 / 22),
        "mAP_present": pytest.approx(9 / 11),
        "AP": {"bus": None, "car": pytest.approx(9 / 11)},
        "boxes": {"bus": 0, "car": 20},
        "images": 4,
        "iou_threshold": 0.5,
    }


def test_integrated_precision_takes_the_area(trained, capsys) -> None:
    trained.add_picture("a.png", _cars(*FOUND, MISSED))
    trained.spec.write_text(trained.spec.read_text().replace("SAMPLE", "INTEGRATE"))

    assert _evaluate(trained) == 0

    assert "car           AP    0.8\n" in capsys.readouterr().out


def test_a_difficult_object_is_neither_found_nor_missed(trained, capsys) -> None:
    trained.add_picture("a.png", _cars(*FOUND[:3]) + _cars(FOUND[3], MISSED, occluded=2))

    assert _evaluate(trained) == 0

    assert "car           AP    1.0\n" in capsys.readouterr().out


def test_without_an_object_no_map_is_known_which_is_said(trained, capsys) -> None:
    trained.add_picture("a.png", _cars(FOUND[0], occluded=2))  # difficult
    trained.add_picture("b.png")

    assert _evaluate(trained, "-r", str(trained.folder / "results")) == 0

    assert capsys.readouterr().err.endswith(
        "note: none of the validation frames has an object that is to be found, so no mAP is known; "
        "the table has 0 in its place, as TAO's\n"
    )
    kpi = _last_status(trained.folder / "results")["kpi"]
    assert (kpi["mAP_present"], kpi["AP"]) == (None, {"bus": None, "car": None})


def test_a_confidence_threshold_of_zero_makes_no_missed_object_found(trained, capsys) -> None:
    trained.add_picture("a.png", _cars(MISSED))
    text = trained.spec.read_text()
    trained.spec.write_text(text.replace("confidence_threshold: 0.01", "confidence_threshold: 0.0"))

    assert _evaluate(trained) == 0

    assert "car           AP    0.0\n" in capsys.readouterr().out


def test_flags_that_do_nothing_are_said_to(trained, capsys) -> None:
    trained.add_picture("a.png", _cars(*FOUND))

    assert _evaluate(trained, "-b", "4", "-k", "key") == 0

    assert capsys.readouterr().err == "note: --batch_size has no effect here\n"


def test_a_curve_is_not_drawn_which_is_said(trained, capsys) -> None:
    trained.add_picture("a.png", _cars(*FOUND))
    text = trained.spec.read_text()
    trained.spec.write_text(text.replace("eval_config {", "eval_config { visualize_pr_curve: true"))

    assert _evaluate(trained) == 0

    assert "note: visualize_pr_curve has no effect here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("top_k: 50", "top_k: 0"), "top_k in nms_config is 0"),
        (('value: "bus"', 'value: "lorry"'), "classes"),
        (("nlayers: 10", "nlayers: 18"), "layers"),
        (('"[(8, 8)]"', '"[(9, 9)]"'), "anchors"),
    ],
)
def test_a_spec_that_does_not_fit_the_model_is_refused(trained, capsys, change, complaint) -> None:
    trained.add_picture("a.png")
    trained.spec.write_text(trained.spec.read_text().replace(*change))

    assert _evaluate(trained, "-r", str(trained.folder / "results")) == 1

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert complaint in error
    assert "\n  try: " in error
    assert _last_status(trained.folder / "results")["status"] == "FAILURE"


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_refused(trained, capsys, content) -> None:
    trained.add_picture("a.png")
    whole = trained.model.read_bytes()
    trained.model.unlink()
    trained.model.write_bytes(whole[: len(whole) // 2] if content is None else content)

    assert _evaluate(trained) == 1

    error = capsys.readouterr().err
    assert error.startswith(f"error: {trained.model}")
    assert "Traceback" not in error


def test_a_gpu_that_is_not_there_is_named(trained, capsys, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # restored after the test, for the command sets it

    assert main(["evaluate", "-m", str(trained.model), "-e", str(trained.spec), "--gpu_index", "99"]) == 1

    assert "--gpu_index 99 was asked for" in capsys.readouterr().err


def test_a_broken_picture_is_named(trained, capsys) -> None:
    trained.add_picture("a.png")
    whole = (trained.folder / "images" / "a.png").read_bytes()
    (trained.folder / "images" / "a.png").write_bytes(whole[: len(whole) // 2])

    assert _evaluate(trained) == 1

    assert f"{trained.folder}/images/a.png" in capsys.readouterr().err


def test_what_was_found_is_kept_with_boxes_in_pixels_of_the_picture(trained) -> None:
    trained.add_picture("a.png")  # of 128 x 96, at half size and 8 pixels from the top of the 64 x 64 input

    assert _evaluate(trained, "-r", str(trained.folder / "results")) == 0

    rows = [
        json.loads(line) for line in (trained.folder / "results/detections.jsonl").read_text().splitlines()
    ]
    assert {(row["frame"], row["class"]) for row in rows} == {("a.png", "car")}
    # Of 20 x 10 around (16 or 48, 16 or 48) on the input; the lower ones begin at 43, so at 70.
    assert sorted(tuple(row["box"]) for row in rows) == [
        (12, 6, 52, 26),
        (12, 70, 52, 90),
        (76, 6, 116, 26),
        (76, 70, 116, 90),
    ]
    assert [row["score"] for row in rows] == pytest.approx([0.9] * 4, abs=1e-5)
