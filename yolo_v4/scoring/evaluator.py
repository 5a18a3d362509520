"""Average precision of a detector on labelled frames, and TAO's table of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from yolo_v4.data.batches import Truth, ahead, letterboxed
from yolo_v4.data.frames import Frame
from yolo_v4.scoring.average_precision import judge
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment

RULE = "*" * 31
Batches = Iterator[tuple[Tensor, list[Truth]]]
# Detects objects in network input [B, C, H, W]; the truths are only for what is computed beside, such as a
# loss.
Find = Callable[[Tensor, list[Truth]], list[Detections]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """Average precision, 0..1, of frames that each count once."""

    map_tao: float  # mean over all classes; one without objects counts 0
    map_present: float  # mean over the classes with objects
    ap: Mapping[str, float | None]  # by class; None without objects
    boxes: Mapping[str, int]  # by class; number of objects to be found
    images: int


def evaluate(
    find: Find, frames: Sequence[Frame], experiment: Experiment, *, steps: Callable[[Batches], Batches] = iter
) -> Metrics:
    """The metrics of the detections that `find` makes on `frames`, of which there is at least one.

    `steps` wraps the iterator of the batches, for example to time them.
    Raises DataError: a picture cannot be read.
    """
    truths: list[Truth] = []
    found: list[Detections] = []
    size = experiment.evaluation.batch_size
    groups = [frames[first : first + size] for first in range(0, len(frames), size)]
    for pixels, batch_truths in steps(ahead(partial(letterboxed, experiment=experiment), groups)):
        found += find(pixels, batch_truths)
        truths += batch_truths
    outcomes = judge(
        truths,
        found,
        num_classes=len(experiment.classes),
        matching_iou=experiment.evaluation.matching_iou,
        confidence_threshold=experiment.nms.confidence_threshold,
    )
    ap = {
        name: outcome.average_precision(experiment.evaluation.mode) if outcome.objects else None
        for name, outcome in zip(experiment.classes, outcomes, strict=True)
    }
    present = [value for value in ap.values() if value is not None]
    return Metrics(
        map_tao=float(sum(present) / len(ap)),
        map_present=float(np.mean(present)) if present else 0.0,
        ap=ap,
        boxes={name: outcome.objects for name, outcome in zip(ap, outcomes, strict=True)},
        images=len(frames),
    )


def ap_table(metrics: Metrics) -> str:
    """The table that TAO prints, where a class without objects shows 0.0."""
    rows = [f"{name:<14}{'AP':<6}{round(ap or 0.0, 5)}" for name, ap in metrics.ap.items()]
    return "\n".join([RULE, *rows, f"{'':<14}{'mAP':<6}{round(metrics.map_tao, 5)}", RULE])
