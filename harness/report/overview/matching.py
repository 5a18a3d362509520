"""Detections compared with objects: which are right, and what average precision that makes.

As the detector's own evaluation does it: the detections of a class on a frame choose in turn, best first;
each takes the object of its class that it overlaps most and that no better one took, and is right if their
IoU is large enough (Everingham et al., The Pascal Visual Object Classes Challenge, IJCV 2010).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.overlap import corners, iou
from harness.report.overview.found import Found

Floats = NDArray[np.float64]
LEVELS = np.linspace(0.0, 1.0, 11)  # the recalls at which precision is sampled
NOTHING = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Every detection, in the order of `Found.detections`, and every object, in theirs."""

    is_right: NDArray[np.bool_]
    taken: NDArray[np.int64]  # of each detection: the object it found, or NOTHING


def judge(found: Found, *, by_class: bool = True, least_score: float = 0.0) -> Judged:
    """Which detection found which object.

    Args:
        found: detections and objects.
        by_class: a detection finds objects of its own class alone; else of any.
        least_score: detections below it find nothing.
    """
    taken = np.full(len(found.detections), NOTHING, dtype=np.int64)
    objects: dict[tuple[int, str], list[int]] = {}
    for place, one in enumerate(found.objects):
        objects.setdefault((one.frame, one.name if by_class else ""), []).append(place)
    free = np.ones(len(found.objects), dtype=bool)
    boxes = corners([one.box for one in found.objects])
    order = sorted(range(len(found.detections)), key=lambda place: -found.detections[place].score)
    for place in order:
        one = found.detections[place]
        candidates = objects.get((one.frame, one.name if by_class else ""))
        if one.score < least_score or not candidates:
            continue
        overlaps = iou(one.box, boxes[candidates]) * free[candidates]
        best = int(overlaps.argmax())
        if overlaps[best] >= found.iou_threshold:
            taken[place] = candidates[best]
            free[candidates[best]] = False
    return Judged(is_right=taken != NOTHING, taken=taken)


def average_precision(
    is_right: NDArray[np.bool_], weights: Floats, objects: Floats, *, is_integrated: bool
) -> Floats:
    """Average precisions of R samples of frames; NaN where a sample has no object.

    Args:
        is_right: of D detections, best first.
        weights: [R, D], how often the frame of a detection is in a sample.
        objects: [R], the objects of the frames of a sample.
        is_integrated: the area under the curve; else the mean at 11 recalls.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        right = np.cumsum(weights * is_right, axis=1)
        recall = right / objects[:, None]
        precision = np.nan_to_num(right / np.cumsum(weights, axis=1))
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]  # at this recall or a larger one
    average: Floats = np.zeros(len(objects))
    if is_integrated:
        average += (np.diff(recall, prepend=0.0, axis=1) * best).sum(axis=1)
    else:
        for level in LEVELS:
            reached = recall >= level
            first = reached.argmax(axis=1)
            at_level = np.take_along_axis(best, first[:, None], axis=1)[:, 0]
            average += np.where(reached.any(axis=1), at_level, 0.0) / len(LEVELS)
    average[objects <= 0] = np.nan
    return average
