"""Training beyond NVIDIA's program, and what variants of a spec use: each goes on to the same bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from yolo_v4.cli import main
from yolo_v4.network.checkpoint import load_checkpoint

VARIANTS = {
    "mosaic": """extension {
      mosaic_crop { min_scale: 0.7 max_scale: 1.4 } mosaic_until: 0.5 min_visible: 0.3 }""",
    "sgd": "training_config { optimizer { sgd { momentum: 0.9 nesterov: true } } }",
    "sizes": "augmentation_config { randomize_input_shape_period: 1 }",
}


@pytest.mark.slow
def test_inference_scale_changes_what_validation_looks_at_and_nothing_of_training(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    kept = {}
    for name, extension in (("usual", ""), ("scaled", "extension { inference_scale: 2 }")):
        spec = write_spec(f"{name}.txt", training="num_epochs: 1")
        spec.write_text(f"{spec.read_text()}\n{extension}\n")
        assert main(["train", "-e", str(spec), "-r", str(tmp_path / name)]) == 0
        model = tmp_path / name / "weights" / "yolov4_resnet10_epoch_001.pt"
        kept[name] = load_checkpoint(model)

    usual, scaled = kept["usual"], kept["scaled"]
    assert scaled.identity == usual.identity
    assert all(torch.equal(value, usual.weights[name]) for name, value in scaled.weights.items())
    assert scaled.history[0]["loss"] == usual.history[0]["loss"]
    # The loss grows with the number of cells, so it is that of the size of training in both.
    assert scaled.history[0]["validation_loss"] == usual.history[0]["validation_loss"]
    assert scaled.history[0]["mAP"] != usual.history[0]["mAP"]


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_each_trains_and_goes_on_to_the_same_bytes(
    name: str, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    torch.set_num_threads(1)

    def train(results: str, more: str = "") -> Path:
        spec = write_spec(f"{results}.txt", training="checkpoint_interval: 1")
        spec.write_text(f"{spec.read_text()}\n{VARIANTS[name]}\n{more}\n")
        assert main(["train", "-e", str(spec), "-r", str(tmp_path / results)]) == 0
        return tmp_path / results / "weights" / "yolov4_resnet10_epoch_003.pt"

    whole = train("whole")
    first = whole.with_name("yolov4_resnet10_epoch_001.pt")
    resumed = train("resumed", f'training_config {{ resume_model_path: "{first}" }}')
    usual_spec = write_spec("usual.txt", training="checkpoint_interval: 1")
    assert main(["train", "-e", str(usual_spec), "-r", str(tmp_path / "usual")]) == 0
    usual = tmp_path / "usual" / "weights" / whole.name

    assert resumed.read_bytes() == whole.read_bytes()
    # It does something: without it, there is another network at the end.
    weights, others = (
        (kept.average or kept.weights)["conv_sm_object.weight"]
        for kept in map(load_checkpoint, (whole, usual))
    )
    assert not torch.equal(weights, others)
