"""What the timed operations work on: the model and data of a bench, named by BENCH_SPEC and BENCH_MODEL.

BENCH_NUMBERS says what they train in, as `yolo_v4 train --numbers` does.
"""

import os
from pathlib import Path

import pytest
import torch

from yolo_v4.data.frames import Frame, read_frames
from yolo_v4.network.checkpoint import load_network
from yolo_v4.network.device import choose_device
from yolo_v4.network.number_format import DTYPES, choose
from yolo_v4.network.pretrained import starting_network
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """The spec."""
    return load_experiment(Path(os.environ["BENCH_SPEC"]))


@pytest.fixture(scope="session")
def device() -> torch.device:
    """What the engine would choose."""
    return choose_device(None)


@pytest.fixture(scope="session")
def precision(experiment: Experiment, device: torch.device) -> torch.dtype:
    """What the recipe trains in: with auto, what the trainings before have measured."""
    network, _ = starting_network(experiment)
    asked = os.environ.get("BENCH_NUMBERS", "fp32")
    return DTYPES[choose(asked, network.to(device), experiment, device).number_format]


@pytest.fixture
def network(experiment: Experiment, device: torch.device) -> Yolo:
    """The trained model, fresh."""
    return load_network(Path(os.environ["BENCH_MODEL"]), experiment).to(device)


@pytest.fixture(scope="session")
def train_frames(experiment: Experiment) -> list[Frame]:
    """Frames to train on."""
    return read_frames(experiment, "train")


@pytest.fixture(scope="session")
def test_frames(experiment: Experiment) -> list[Frame]:
    """Frames to find things in."""
    return read_frames(experiment, "validation")
