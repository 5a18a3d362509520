"""evaluate and inference find the same whichever program computes, and tell which it was."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from tests.yolo_v4.saved_models import save_weights
from yolo_v4.cli import main
from yolo_v4.network.yolo import build_network
from yolo_v4.prediction import runtime
from yolo_v4.spec.load import load_experiment

SIZES = [(64, 64), (128, 96), (50, 61), (300, 40), (65, 200)]
LABEL = "car 0 0 0 4 4 40 30 0 0 0 0 0 0 0\n"
RUNTIMES = ("pytorch", "onnxruntime")
NAMES = {"pytorch": "PyTorch", "onnxruntime": "onnxruntime"}


@pytest.fixture
def lively(trained):
    """A model whose detections depend on the picture, none cut off by top_k, and pictures of many sizes."""
    trained.change("top_k: 50", "top_k: 1000")
    experiment = load_experiment(trained.spec)
    torch.manual_seed(3)
    network = build_network(experiment.network, num_classes=2, channels=3)
    trained.model.unlink()
    save_weights(trained.model, network, experiment)
    random = np.random.default_rng(3)
    for number, (width, height) in enumerate(SIZES):
        trained.add_picture(f"{number}.png", LABEL)
        pixels = random.integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(trained.folder / "images" / f"{number}.png")
    return trained


def _run(command: str, trained, out: str, *flags: str) -> int:
    flags = (*flags, "-i", str(trained.folder / "images")) if command == "inference" else flags
    words = ["-m", str(trained.model), "-e", str(trained.spec), "-r", str(trained.folder / out)]
    return main([command, *words, *flags])


def _status(trained, out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (trained.folder / out / "status.json").read_text().splitlines()]


def _numerics(trained, out: str) -> dict[str, Any]:
    (line,) = [line for line in _status(trained, out) if "numerics" in line]
    return line["numerics"]


def _detections(path: Path) -> list[tuple[Any, ...]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted((row["frame"], row["class"], *row["box"], row["score"]) for row in rows)


def _labels(folder: Path) -> list[tuple[Any, ...]]:
    """Rows as `_detections` has them."""
    rows = [
        (path.name, *line.split()) for path in folder.glob("*.txt") for line in path.read_text().splitlines()
    ]
    return sorted((name, kind, *map(float, (*row[3:7], row[14]))) for name, kind, *row in rows)


def _pixels(path: Path) -> npt.NDArray[np.int64]:
    with Image.open(path) as picture:
        return np.asarray(picture, np.int64)


def _are_alike(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    assert len(ours) == len(theirs) > 50
    for one, other in zip(ours, theirs, strict=True):
        assert one[:2] == other[:2]
        assert one[2:6] == pytest.approx(other[2:6], abs=0.02)  # pixels, of which two digits are told
        assert one[6] == pytest.approx(other[6], abs=1e-5)


def test_evaluate_finds_and_measures_the_same(lively, capsys) -> None:
    tables = {}
    for name in RUNTIMES:
        assert _run("evaluate", lively, name, "--runtime", name) == 0
        printed = capsys.readouterr().out
        assert f"\ncomputed by {NAMES[name]} " in printed
        assert _numerics(lively, name)["runtime"] == NAMES[name]
        tables[name] = printed[printed.index("Start to calculate") :]

    ours, theirs = (_status(lively, name)[-1]["kpi"] for name in RUNTIMES)
    assert ours["AP"]["car"] == pytest.approx(theirs["AP"]["car"], abs=1e-4)
    assert (ours["boxes"], ours["images"]) == (theirs["boxes"], theirs["images"])
    assert tables["pytorch"] == tables["onnxruntime"]
    _are_alike(*(_detections(lively.folder / name / "detections.jsonl") for name in RUNTIMES))


def test_inference_writes_the_same_labels_and_pictures(lively, capsys) -> None:
    for name in RUNTIMES:
        assert _run("inference", lively, name, "--runtime", name, "-t", "0.02") == 0
        assert f"computed by {NAMES[name]} " in capsys.readouterr().out
        assert _numerics(lively, name)["runtime"] == NAMES[name]

    _are_alike(*(_labels(lively.folder / name / "labels") for name in RUNTIMES))
    for number, size in enumerate(SIZES):
        ours, theirs = (
            _pixels(lively.folder / name / "images_annotated" / f"{number}.png") for name in RUNTIMES
        )
        assert ours.shape == theirs.shape == (*size[::-1], 3)
        difference = np.abs(ours - theirs)
        assert (difference > 0).mean() < 0.01  # a line that was rounded the other way


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_also_with_other_batches_and_threads(lively) -> None:
    assert _run("evaluate", lively, "first", "--runtime", "onnxruntime") == 0
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        lively.spec.write_text(
            lively.spec.read_text().replace("SAMPLE batch_size: 2", "SAMPLE batch_size: 3")
        )
        assert _run("evaluate", lively, "second", "--runtime", "onnxruntime") == 0
    finally:
        torch.set_num_threads(before)

    first, second = (lively.folder / name / "detections.jsonl" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("command", ["evaluate", "inference"])
def test_the_number_of_pictures_decides_and_batches_are_timed_as_ever(lively, monkeypatch, command) -> None:
    for least, name in ((len(SIZES), "onnxruntime"), (len(SIZES) + 1, "PyTorch")):
        monkeypatch.setattr(runtime, "LEAST_PICTURES", least)
        assert _run(command, lively, name) == 0

        assert _numerics(lively, name)["runtime"] == name
        phases = [line["phase"] for line in _status(lively, name) if "phase" in line]
        last = [line for line in _status(lively, name) if "work_s" in line][-1]
        assert phases == ["start-up", "first step", {"evaluate": "evaluation"}.get(command, command)]
        assert len(last["wait_s"]) == len(last["work_s"]) == 3  # five pictures in batches of two


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_picture_that_cannot_be_read_is_named_and_inference_does_the_others(lively, capsys, name) -> None:
    broken = lively.folder / "images" / "3.png"
    broken.write_bytes(broken.read_bytes()[:2000])

    assert _run("evaluate", lively, "evaluated", "--runtime", name) == 1
    assert str(broken) in capsys.readouterr().err

    assert _run("inference", lively, "inferred", "--runtime", name) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: 1 of 5 pictures could not be read:")
    assert str(broken) in error
    assert len([*(lively.folder / "inferred" / "labels").iterdir()]) == 4
