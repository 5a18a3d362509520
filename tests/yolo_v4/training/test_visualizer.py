"""What `training_config.visualizer` leaves for TensorBoard, read back without a reader of ours."""

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
import torch
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from yolo_v4.cli import main
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.training.launch import launch

STEPS, EPOCHS = 2, 3  # six frames in batches of four
PLAIN = "hue: 0 saturation: 1 exposure: 1 horizontal_flip: 0 jitter: 0 mosaic_prob: 0"
ENABLED = (
    "visualizer { enabled: true num_images: 3 wandb_config { enabled: true } clearml_config { task: 'a' } }"
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def train(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def train(name: str, visualizer: str = ENABLED, **added: str) -> Path:
        training = f"checkpoint_interval: 2 {added.pop('training', '')} {visualizer}"
        spec = write_spec(f"{name}.txt", training=training, **added)
        assert main(["train", "-e", str(spec), "-r", str(tmp_path / name)]) == 0
        return tmp_path / name

    return train


def events(results: Path) -> Iterator[Any]:
    """Events of all files; the form of a record is that of TensorFlow's record_writer.h."""
    for path in sorted((results / "logs").iterdir()):
        content = path.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            record, (checksum,) = content[12 : 12 + size], struct.unpack("<I", content[12 + size : 16 + size])
            crc = google_crc32c.value(record)
            assert checksum == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
            yield Event.FromString(record)
            content = content[16 + size :]


def values(results: Path) -> dict[str, list[tuple[int, Any]]]:
    """(step, value) of each tag, in the order in which they were written."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for event in events(results):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value))
    return found


@pytest.mark.slow
def test_scalars_histograms_and_pictures_have_taos_tags(train: Callable[..., Path], street: Path) -> None:
    results = train("run", augmentation=PLAIN + " output_width: 96")
    found = values(results)

    assert next(events(results)).file_version == "brain.Event:2"
    assert all(path.name.startswith("events.out.tfevents.") for path in (results / "logs").iterdir())
    last = load_checkpoint(results / "weights" / "yolov4_resnet10_epoch_003.pt")
    scalars = {tag for tag, points in found.items() if points[0][1].WhichOneof("value") == "simple_value"}
    assert scalars == {
        "loss",
        "lr",
        "mAP",
        "AP_car",
        "validation_loss",
    }  # no AP_bus: the only bus is difficult
    rows = {int(row["epoch"]): row for row in last.history}
    batches = [(step, value.simple_value) for step, value in found["lr"]]
    assert [step for step, _ in batches] == [1, 2, 3, 4, 5, 6]
    assert batches[-1][1] == pytest.approx(rows[EPOCHS]["lr"])
    # The loss of each batch, and behind an epoch's last one their mean.
    losses = [value.simple_value for _, value in found["loss"]]
    assert [step for step, _ in found["loss"]] == [1, 2, 2, 3, 4, 4, 5, 6, 6]
    for epoch in range(EPOCHS):
        first, second, mean = losses[3 * epoch : 3 * epoch + 3]
        assert (first + second) / 2 == pytest.approx(mean) == pytest.approx(rows[epoch + 1]["loss"])
    for tag in ("mAP", "AP_car", "validation_loss"):  # judged after the second epoch and the last
        assert [(step, value.simple_value) for step, value in found[tag]] == [
            (STEPS * epoch, pytest.approx(rows[epoch][tag])) for epoch in (2, 3)
        ]

    shown = {tag.removeprefix("histogram/") for tag in found if tag.startswith("histogram/")}
    kernels = [name.split(".")[-2] for name, value in last.weights.items() if value.ndim == 4]
    norms = [name.split(".")[-2] for name in last.weights if name.endswith("running_mean")]
    assert shown == {f"weight/{name}" for name in kernels} | {
        f"{k}/{name}" for name in norms for k in ("gamma", "beta")
    }
    assert {"weight/conv1", "weight/conv_big_object", "gamma/bn_conv1", "beta/block_1a_bn_1"} <= shown
    for tag in shown:
        assert [step for step, _ in found[f"histogram/{tag}"]] == [0, 2, 4]
    gamma = found["histogram/gamma/bn_conv1"][0][1].histo  # before the first step: all ones
    assert (gamma.min, gamma.max, gamma.num, gamma.sum) == (1, 1, 64, 64)

    pictures = [tag for tag in found if tag.startswith("image/")]
    assert pictures == [f"image/augmented_images/image/{place}" for place in range(3)]
    frames = [np.asarray(Image.open(path)) for path in sorted((street / "images").iterdir())]
    for tag in pictures:
        assert [step for step, _ in found[tag]] == [0, 2, 4]
        for _, value in found[tag]:
            picture = np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))
            # 80 x 64 on 96 x 64: the frame between two bars of 8 pixels, nothing else done to it.
            assert picture.shape == (64, 96, 3)
            assert any((picture[:, 8:88] == frame).all() for frame in frames)


@pytest.mark.slow
def test_training_is_the_same_with_it_and_without_it(train: Callable[..., Path]) -> None:
    without, beside = train("without", visualizer="visualizer { num_images: 3 }"), train("with")
    for name in ("weights/yolov4_resnet10_epoch_002.pt", "weights/yolov4_resnet10_epoch_003.pt"):
        assert (without / name).read_bytes() == (beside / name).read_bytes()
    log = "yolov4_training_log_resnet10.csv"
    assert (without / log).read_bytes() == (beside / log).read_bytes()
    assert not (without / "logs").exists()
    assert len(list((beside / "logs").iterdir())) == 1


@pytest.mark.slow
def test_an_old_folder_goes_and_a_resumed_run_goes_on_in_it(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "run" / "logs").mkdir(parents=True)
    (tmp_path / "run" / "logs" / "old").write_text("of another run")
    results = train("run", visualizer="visualizer { enabled: true }", training="num_epochs: 1")
    assert "old" not in [path.name for path in (results / "logs").iterdir()]
    resumed = results / "weights" / "yolov4_resnet10_epoch_001.pt"

    train("run", training=f'num_epochs: 2 resume_model_path: "{resumed}"')

    found = values(results)
    assert [step for step, _ in found["lr"]] == [1, 2, 3, 4]
    assert [step for step, _ in found["image/augmented_images/image/2"]] == [
        2
    ]  # the first run asked for none


@pytest.mark.slow
def test_grey_pictures_are_shown_too(train: Callable[..., Path]) -> None:
    found = values(train("run", training="num_epochs: 1", augmentation=PLAIN + " output_channel: 1"))

    picture = np.asarray(
        Image.open(io.BytesIO(found["image/augmented_images/image/0"][0][1].image.encoded_image_string))
    )
    assert picture.shape[:2] == (64, 64)
    assert (picture[..., 0] == picture[..., 2]).all()
    assert picture.max() == 250  # the car


@pytest.mark.slow
def test_weights_that_are_no_numbers_leave_the_word_to_the_loss(
    write_spec: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = "min_learning_rate: 1e37 max_learning_rate: 1e38 soft_start: 0.2"
    learning = (
        f"learning_rate {{ soft_start_cosine_annealing_schedule {{ {rates} }} }} optimizer {{ sgd {{}} }}"
    )
    training = f"batch_size_per_gpu: 6 {learning} {ENABLED}"  # one step an epoch
    spec = write_spec(training=training, network="loss_neg_obj_weights: 1e6")

    assert main(["train", "-e", str(spec), "-r", str(tmp_path / "run")]) == 1

    assert "error: batch 1 of epoch 2: the loss is nan" in capsys.readouterr().err
    found = values(tmp_path / "run")
    assert [step for step, _ in found["lr"]] == [1]
    assert [step for step, _ in found["histogram/weight/conv1"]] == [0]


@pytest.mark.slow
def test_only_the_first_of_several_processes_writes(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    spec = write_spec(training=f"num_epochs: 1 batch_size_per_gpu: 1 {ENABLED}")

    launch(["train", "-e", str(spec), "-r", str(tmp_path / "run")], 2)

    assert len(list((tmp_path / "run" / "logs").iterdir())) == 1
    found = values(tmp_path / "run")
    assert [step for step, _ in found["lr"]] == [1, 2, 3]  # six frames, one a process and step
    assert [tag for tag in found if tag.startswith("image/")] == ["image/augmented_images/image/0"]


@pytest.mark.slow
def test_without_the_library_training_is_refused_with_the_command_that_helps(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "tensorboardX.py").write_text("raise ImportError")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "stub")}

    def train(**added: str) -> "subprocess.CompletedProcess[str]":
        spec = write_spec(training=f"num_epochs: 1 {added.get('visualizer', '')}")
        command = [sys.executable, "-m", "yolo_v4", "train", "-e", str(spec), "-r", str(tmp_path / "run")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert train().returncode == 0  # nobody asks for it
    refused = train(visualizer=ENABLED)

    assert refused.returncode == 1
    assert refused.stderr == (
        "error: visualizer is enabled, and tensorboardX, which writes for TensorBoard, is not installed\n"
        "  try: pip install tensorboardX, or set enabled: false\n"
    )
