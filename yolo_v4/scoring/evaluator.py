"""What a network is worth on labelled frames: average precision of each class, and TAO's table of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.ahead import read_ahead
from yolo_v4.data.frames import Frame
from yolo_v4.data.letterbox import letterbox
from yolo_v4.data.pictures import read_picture
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.average_precision import Outcome, Truth, judge
from yolo_v4.scoring.detect import detect
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment

RULE = "*" * 31
Batches = Iterator[tuple[Tensor, list[Truth]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """Average precision, 0..1, of frames that each counted once."""

    map_tao: float  # mean over all classes; one without objects counts 0
    map_present: float  # mean over the classes with objects
    ap: Mapping[str, float | None]  # by class; None without objects
    boxes: Mapping[str, int]  # by class: objects to be found
    images: int
    outcomes: Mapping[str, Outcome]  # by class, for curves


def evaluate_network(
    network: Yolo,
    frames: Sequence[Frame],
    experiment: Experiment,
    *,
    progress: Callable[[int], object] = lambda pictures: None,
    steps: Callable[[Batches], Batches] = iter,
) -> Metrics:
    """Metrics of a network on frames.

    Args:
        network: in evaluation mode, on its device.
        frames: at least one.
        experiment: the spec.
        progress: called after each batch with the number of its pictures.
        steps: passes the batches on, and may time them.

    Raises:
        DataError: a picture cannot be read.
    """
    truths: list[Truth] = []
    found: list[Detections] = []
    batches = read_ahead(partial(_batch, experiment), frames, experiment.evaluation.batch_size)
    for pixels, batch_truths in steps(batches):
        found += detect(network, pixels, experiment)
        truths += batch_truths
        progress(len(batch_truths))
    outcomes = judge(
        truths,
        found,
        num_classes=len(experiment.classes),
        matching_iou=experiment.evaluation.matching_iou,
        confidence_threshold=experiment.nms.confidence_threshold,
    )
    return _metrics(dict(zip(experiment.classes, outcomes, strict=True)), experiment, images=len(frames))


def ap_table(metrics: Metrics) -> str:
    """The table that TAO prints, where a class without objects shows 0.0."""
    rows = [f"{name:<14}{'AP':<6}{round(ap or 0.0, 5)}" for name, ap in metrics.ap.items()]
    return "\n".join([RULE, *rows, f"{'':<14}{'mAP':<6}{round(metrics.map_tao, 5)}", RULE])


def _metrics(outcomes: Mapping[str, Outcome], experiment: Experiment, *, images: int) -> Metrics:
    mode = experiment.evaluation.mode
    ap = {name: one.average_precision(mode) if one.objects else None for name, one in outcomes.items()}
    present = [value for value in ap.values() if value is not None]
    return Metrics(
        map_tao=float(sum(present) / len(ap)),
        map_present=float(np.mean(present)) if present else 0.0,
        ap=ap,
        boxes={name: one.objects for name, one in outcomes.items()},
        images=images,
        outcomes=outcomes,
    )


def _batch(experiment: Experiment, frames: Sequence[Frame]) -> tuple[Tensor, list[Truth]]:
    """Network input [B, C, H, W] and what is on it."""
    spec = experiment.augmentation
    network_wh = torch.tensor((spec.width, spec.height)).repeat(2)
    pixels, truths = [], []
    for frame in frames:
        picture, fit = letterbox(read_picture(frame.image, depth=spec.depth), spec)
        boxes = fit.to_network(torch.from_numpy(frame.boxes)) / network_wh
        pixels.append(picture)
        truths.append(Truth(boxes.numpy(), frame.classes, frame.difficult))
    return torch.stack(pixels), truths
