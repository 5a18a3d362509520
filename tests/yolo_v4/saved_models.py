"""Saves a network as a checkpoint of which nothing but the weights is of interest."""

from pathlib import Path

from yolo_v4.network.checkpoint import Checkpoint, Identity, save_checkpoint
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment


def save_weights(path: Path, network: Yolo, experiment: Experiment) -> Path:
    """Save `network` as after one epoch, without the state of an optimiser; returns `path`."""
    checkpoint = Checkpoint(
        identity=Identity.of(experiment),
        weights=network.state_dict(),
        average=None,
        optimizer={},
        scaler={},
        epoch=1,
        history=[],
    )
    save_checkpoint(path, checkpoint)
    return path
