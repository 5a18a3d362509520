"""Average precision of a detector on labelled frames, and TAO's table of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from yolo_v4.data.batches import Truth, ahead, letterboxed
from yolo_v4.data.by_picture import by_picture
from yolo_v4.data.frames import Frame
from yolo_v4.data.picture_file import one_large
from yolo_v4.scoring.average_precision import judge
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment

RULE = "*" * 31
NO_OBJECT = "none of the validation frames has an object that is to be found, so no mAP is known"
# Detects objects in network input [B, C, H, W]; the truths are only for what is computed beside, such as a
# loss.
Find = Callable[[Tensor, list[Truth]], list[Detections]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """Average precision, 0..1, of frames that each count once."""

    map_tao: float  # mean over all classes; one without objects counts 0
    map_present: float | None  # mean over the classes with objects; None where there is none
    ap: Mapping[str, float | None]  # by class; None without objects
    boxes: Mapping[str, int]  # by class; number of objects to be found
    images: int


def evaluate(find: Find, frames: Sequence[Frame], experiment: Experiment) -> Metrics:
    """The metrics of the detections that `find` makes on `frames`, of which there is at least one.

    Raises DataError: a picture cannot be read.
    """
    truths: list[Truth] = []
    found: list[Detections] = []
    for batch_truths, batch_found in look_at(frames, find, experiment):
        truths += batch_truths
        found += batch_found
    return measure(truths, found, experiment)


def look_at(
    frames: Sequence[Frame],
    find: Find,
    experiment: Experiment,
    *,
    workers: int = 0,
    steps: Callable[[Iterable[Any]], Iterator[Any]] = iter,
) -> Iterator[tuple[list[Truth], list[Detections]]]:
    """The objects on `frames` and what `find` finds there, batch by batch, in order.

    Args:
        workers: threads in which pictures are prepared and looked at, one by one; 0: `find` is called here
            with whole batches, of which the next one is prepared meanwhile.
        steps: wraps the iterator of the batches, for example to time them.

    Raises:
        DataError: a picture cannot be read.
    """
    size = experiment.evaluation.batch_size
    batches = [frames[first : first + size] for first in range(0, len(frames), size)]

    def one(frame: Frame) -> tuple[Truth, Detections]:
        with one_large(frame.image):
            pixels, truths = letterboxed([frame], experiment)
        return truths[0], find(pixels, truths)[0]

    if not workers:
        for pixels, truths in steps(ahead(partial(letterboxed, experiment=experiment), batches)):
            yield truths, find(pixels, truths)
        return
    for pairs in by_picture(one, batches, workers=workers, steps=steps):
        yield [truth for truth, _ in pairs], [found for _, found in pairs]


def measure(truths: Sequence[Truth], found: Sequence[Detections], experiment: Experiment) -> Metrics:
    """The metrics of what was found on pictures, of which `truths` tell what is there."""
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
        map_present=float(np.mean(present)) if present else None,
        ap=ap,
        boxes={name: outcome.objects for name, outcome in zip(ap, outcomes, strict=True)},
        images=len(truths),
    )


def ap_table(metrics: Metrics) -> str:
    """The table that TAO prints, where a class without objects shows 0.0."""
    rows = [f"{name:<14}{'AP':<6}{round(ap or 0.0, 5)}" for name, ap in metrics.ap.items()]
    return "\n".join([RULE, *rows, f"{'':<14}{'mAP':<6}{round(metrics.map_tao, 5)}", RULE])
