"""What a model tells of itself, and the script of README that knows a model from that alone."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.yolo_v4.commands.conftest import SPEC, save_model
from yolo_v4.cli import main
from yolo_v4.deploy.description import OUTPUTS, describe, read_description, spec_digest
from yolo_v4.errors import DataError
from yolo_v4.spec.experiment import NetworkInput
from yolo_v4.spec.load import load_experiment


def test_input_outputs_thresholds_origin_and_licence_are_told(
    tmp_path: Path, write_spec: Callable[..., Path]
) -> None:
    (tmp_path / "a.pt").write_bytes(b"weights")

    told = describe(load_experiment(write_spec()), weights=tmp_path / "a.pt", data_licence="CC BY 4.0")

    assert told["input"] == "Input: float32 [batch, 3, 64, 64]"
    assert (told["channel_order"], told["mean"]) == ("b,g,r", "103.939,116.779,123.68")
    assert told["range"] == "0 to 255, minus the mean of each channel, not scaled"
    assert (told["placement"], told["padding"]) == (
        "aspect ratio kept, centred",
        "mean colour of the picture",
    )
    assert told["filter"].startswith("bilinear, half-pixel centres")
    assert (told["confidence_threshold"], told["iou_threshold"], told["top_k"]) == ("0.01", "0.5", "50")
    assert told["weights_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert told["data_licence"] == "CC BY 4.0"
    assert list(json.loads(told["outputs"])) == [f"BatchedNMS{part}" for part in ("", "_1", "_2", "_3")]


@pytest.fixture
def exported(tmp_path: Path, write_spec: Callable[..., Path]) -> dict[str, Any]:
    """What an exported model tells, as `read_description` takes it."""
    (tmp_path / "a.pt").write_bytes(b"weights")
    told = describe(load_experiment(write_spec()), weights=tmp_path / "a.pt", data_licence="")
    return {"metadata": told, "inputs": {"Input": ["batch", 3, 64, 96]}, "outputs": list(OUTPUTS)}


def test_what_a_model_tells_is_understood(exported: dict[str, Any]) -> None:
    told = read_description(**exported, where="m.onnx")

    assert (told.classes, told.confidence_threshold) == (("bus", "car"), 0.01)
    assert told.input == NetworkInput(width=96, height=64, channels=3, mean=(103.939, 116.779, 123.68))


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("placement", None, "m.onnx has no metadata placement: nothing tells how it is used"),
        (
            "placement",
            "stretched",
            "m.onnx says placement 'stretched', and only 'aspect ratio kept, centred'",
        ),
        ("channel_order", "r,g,b", "m.onnx says channel_order 'r,g,b', and only 'b,g,r' is known here"),
        ("mean", "a,b,c", "m.onnx has metadata that is no number"),
        ("mean", "1", "m.onnx tells 1 means of 3 channels"),
    ],
)
def test_a_model_that_is_not_explained_or_used_otherwise_is_refused(
    exported: dict[str, Any], key: str, value: str | None, complaint: str
) -> None:
    told = {**exported["metadata"], key: value}
    exported["metadata"] = {name: text for name, text in told.items() if text is not None}

    with pytest.raises(DataError, match=re.escape(complaint)):
        read_description(**exported, where="m.onnx")


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"images": [1, 3, 64, 64]}},
        {"inputs": {"Input": ["b", 3, "h", "w"]}},
        {"outputs": ["boxes"]},
    ],
)
def test_a_model_of_other_inputs_or_outputs_is_refused(
    exported: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match=r"expected Input \[batch, 1 or 3, height, width\] and BatchedNMS"):
        read_description(**{**exported, **change}, where="m.onnx")


def test_the_digest_of_a_spec_minds_values_and_no_paths(write_spec: Callable[..., Path]) -> None:
    experiment = load_experiment(write_spec())
    moved = replace(experiment, training=replace(experiment.training, pretrain_path=Path("/elsewhere/a.pt")))
    other = replace(experiment, random_seed=experiment.random_seed + 1)

    assert spec_digest(moved) == spec_digest(experiment) != spec_digest(other)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (128, 96), (50, 61)])
def test_the_script_of_readme_finds_what_evaluation_finds(
    tmp_path: Path, checkout: Path, size: tuple[int, int]
) -> None:
    page = (checkout / "README.md").read_text()
    (script,) = re.findall(r"```python\n(import sys, numpy, onnxruntime\n.*?)```", page, flags=re.DOTALL)
    assert len([line for line in script.splitlines() if line]) == 15
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "spec.txt").write_text(SPEC.replace("FOLDER", str(tmp_path)))
    save_model(tmp_path / "spec.txt", tmp_path / "model.pt")
    pixels = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text("")
    flags = ["-m", str(tmp_path / "model.pt"), "-e", str(tmp_path / "spec.txt")]
    assert main(["export", *flags, "-o", str(tmp_path / "model.onnx")]) == 0
    assert main(["evaluate", *flags, "-r", str(tmp_path)]) == 0

    command = [sys.executable, "-c", script, str(tmp_path / "model.onnx"), str(tmp_path / "images" / "a.png")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    found = [line.split() for line in said.splitlines()]
    expected = [json.loads(line) for line in (tmp_path / "detections.jsonl").read_text().splitlines()]
    assert len(found) == len(expected) == 4
    assert {words[0] for words in found} == {row["class"] for row in expected} == {"car"}
    boxes = sorted([float(word) for word in words[2:]] for words in found)
    np.testing.assert_allclose(boxes, sorted(row["box"] for row in expected), atol=0.11)
    np.testing.assert_allclose(
        sorted(float(words[1]) for words in found), sorted(row["score"] for row in expected), atol=1e-3
    )
