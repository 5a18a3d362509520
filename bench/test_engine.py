"""Single operations of the engine: a step of training and of inference, decoding with NMS, conversion."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from yolo_v4.cli import main
from yolo_v4.data.batches import TrainingBatches
from yolo_v4.data.frames import Frame
from yolo_v4.data.letterbox import letterbox
from yolo_v4.data.pictures import read_picture
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.progress import Progress
from yolo_v4.scoring.nms import detections, predict
from yolo_v4.spec.experiment import Experiment
from yolo_v4.training.trainer import Trainer

CHECKOUT = Path(__file__).resolve().parent.parent
BATCHES = (1, 8)


def pixels_of(frames: list[Frame], experiment: Experiment, count: int) -> torch.Tensor:
    spec = experiment.augmentation
    chosen = [frames[place % len(frames)] for place in range(count)]
    return torch.stack([letterbox(read_picture(frame.image), spec)[0] for frame in chosen])


def test_train_step(
    benchmark: Any,
    network: Yolo,
    experiment: Experiment,
    train_frames: list[Frame],
    device: torch.device,
    precision: torch.dtype,
) -> None:
    batch = next(iter(TrainingBatches(train_frames, experiment, device=device).epoch(0)))
    trainer = Trainer(network, experiment, steps_per_epoch=1, precision=precision)
    progress = Progress(0, "Training")

    def step() -> float:
        trainer.epochs_done = 0  # the same rate every time
        return trainer.run_epoch([batch], progress)

    benchmark.pedantic(step, rounds=10, warmup_rounds=3)


@pytest.mark.parametrize("batch", BATCHES)
def test_inference_step(
    benchmark: Any, network: Yolo, experiment: Experiment, test_frames: list[Frame], batch: int
) -> None:
    experiment = experiment.for_inference()
    pixels = pixels_of(test_frames, experiment, batch)
    network.eval()

    @torch.inference_mode()
    def step() -> list[Any]:
        return detections(predict(network, pixels, experiment), experiment.nms)

    benchmark.pedantic(step, rounds=20, warmup_rounds=3)


@pytest.mark.parametrize("batch", BATCHES)
def test_decode_and_suppress(
    benchmark: Any, network: Yolo, experiment: Experiment, test_frames: list[Frame], batch: int
) -> None:
    experiment = experiment.for_inference()
    pixels = pixels_of(test_frames, experiment, batch)
    with torch.inference_mode():
        heads = network.eval()(pixels.to(next(network.parameters()).device))

    @torch.inference_mode()
    def decode() -> list[Any]:
        rows = encode_predictions(heads, experiment.network, (pixels.shape[2], pixels.shape[3]))
        return detections(rows, experiment.nms)

    benchmark.pedantic(decode, rounds=20, warmup_rounds=3)


def test_conversion(benchmark: Any, tmp_path: Path) -> None:
    template = (CHECKOUT / "specs" / "yolo_v4_tfrecords_jamcam_test.txt").read_text()
    spec = tmp_path / "spec.txt"
    spec.write_text(template.replace("$workspace", str(Path(os.environ["BENCH_SPEC"]).parent)))
    words = ["dataset_convert", "-d", str(spec), "-o", str(tmp_path / "out" / "test")]

    assert benchmark.pedantic(main, (words,), rounds=5, warmup_rounds=1) == 0
