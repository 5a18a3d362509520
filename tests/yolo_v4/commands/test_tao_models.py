"""Models of NVIDIA's TAO 5 in every command that takes a model: the same results as from our own file."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.yolo_v4.keras_files import layers_of_state, write_keras
from yolo_v4.cli import main
from yolo_v4.network.checkpoint import load_checkpoint


@pytest.fixture
def hdf5(trained) -> Path:
    """The weights of the trained model as TAO 5 stores them, after one epoch and three steps."""
    layers = layers_of_state(load_checkpoint(trained.model).weights)
    weights = [
        values for layer in layers.values() for kind, values in layer.items() if not kind.startswith("moving")
    ]
    zeros = [np.zeros_like(values) for values in weights]
    return write_keras(
        trained.folder / "yolov4_resnet10_epoch_001.hdf5",
        layers,
        optimizer={"class_name": "Adam"},
        slots=[np.int64(3), *zeros, *zeros],
    )


def test_evaluation_inference_predict_and_export_say_what_they_say_of_our_own_file(
    trained, hdf5: Path
) -> None:
    trained.add_picture("a.png", "car 0 0 0 2 12 42 32 0 0 0 0 0 0 0\n")
    spec, images = ("-e", str(trained.spec)), str(trained.folder / "images")
    for model in (trained.model, hdf5):
        out = str(trained.folder / f"of {model.suffix}")
        assert main(["evaluate", "-m", str(model), *spec, "-r", f"{out}/evaluation"]) == 0
        assert main(["inference", "-m", str(model), *spec, "-i", images, "-r", out]) == 0
        assert main(["predict", "-m", str(model), *spec, "-i", images, "-r", f"{out}/predicted"]) == 0
        assert main(["export", "-m", str(model), *spec, "-o", f"{out}/model.onnx"]) == 0

    ours, theirs = trained.folder / "of .pt", trained.folder / "of .hdf5"
    last = [json.loads((of / "evaluation/status.json").read_text().splitlines()[-1]) for of in (ours, theirs)]
    assert last[0]["kpi"] == last[1]["kpi"]
    for name in ("labels/a.txt", "predicted/detections.jsonl"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    graphs = [
        onnx.load(of / "model.onnx").graph.SerializeToString(deterministic=True) for of in (ours, theirs)
    ]
    assert graphs[0] == graphs[1]


@pytest.mark.slow
def test_training_starts_from_it_and_goes_on_after_its_epoch(
    trained, hdf5: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        trained.add_picture(name, "car 0 0 0 2 12 42 32 0 0 0 0 0 0 0\n")
    text = trained.spec.read_text()

    def train(name: str, lines: str) -> list[str]:
        spec = trained.folder / f"{name}.txt"
        spec.write_text(text.replace("num_epochs: 1", lines))
        assert main(["train", "-e", str(spec), "-r", str(trained.folder / name)]) == 0
        return [path.name for path in (trained.folder / name / "weights").iterdir()]

    first = train("pretrained", f'num_epochs: 1 pretrain_model_path: "{hdf5}"')
    second = train("resumed", f'num_epochs: 2 resume_model_path: "{hdf5}"')

    assert (first, second) == (["yolov4_resnet10_epoch_001.pt"], ["yolov4_resnet10_epoch_002.pt"])
    printed = capsys.readouterr().out
    assert f"Starting from {hdf5}: all layers taken over" in printed
    assert "Resuming after epoch 1 of 2" in printed
    state = load_checkpoint(trained.folder / "resumed/weights/yolov4_resnet10_epoch_002.pt").optimizer[
        "state"
    ]
    assert float(state[0]["step"]) == 1 + 3 + 1  # KerasAdam's start, Keras' steps, and one of two frames


@pytest.mark.parametrize("command", ["evaluate", "inference", "predict", "export"])
def test_an_encrypted_model_is_named_with_the_way_to_decode_it(
    trained, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    trained.add_picture("a.png")
    model = trained.folder / "yolov4_resnet10_epoch_080.tlt"
    model.write_bytes(bytes(range(256)) * 9)
    places = ["-i", str(trained.folder / "images"), "-r", str(trained.folder / "out")]
    more = {"inference": places, "predict": places}

    assert main([command, "-m", str(model), "-e", str(trained.spec), *more.get(command, [])]) == 1

    error = capsys.readouterr().err
    assert f"error: {model} is an encrypted model of TAO 3 or 4" in error
    assert "nvidia_tao_tf1.encoding.encoding import decode" in error
    assert "Traceback" not in error


def test_the_export_pads_as_it_was_asked_to(trained, hdf5: Path) -> None:
    spec = ("-e", str(trained.spec), "-m", str(hdf5))
    for padding in ("symmetric", "tensorflow"):
        out = str(trained.folder / f"{padding}.onnx")
        assert main(["export", *spec, "--keras_padding", padding, "-o", out]) == 0

    pads = {
        padding: [
            list(attribute.ints)
            for node in onnx.load(trained.folder / f"{padding}.onnx").graph.node
            if node.op_type == "Conv"
            for attribute in node.attribute
            if attribute.name == "pads"
        ]
        for padding in ("symmetric", "tensorflow")
    }
    assert [3, 3, 3, 3] in pads["symmetric"]  # conv1, 7 x 7 with stride 2
    assert [3, 3, 3, 3] not in pads["tensorflow"]
