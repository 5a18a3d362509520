"""Average precision as TAO counts it: at 11 recalls as in Pascal VOC 2007, or as the area under the curve.

One error of NVIDIA's evaluator is not repeated: with a confidence threshold of 0 it takes every missed object
for a found one, so that every AP is 1. Detections of equal score keep the order of pictures and predictions.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/evaluator/ap_evaluator.py; Everingham et al., The
Pascal Visual Object Classes Challenge (IJCV 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from yolo_v4.boxes import pairwise_iou
from yolo_v4.data.batches import Truth
from yolo_v4.scoring.nms import Detections

SAMPLED_RECALLS = np.linspace(0.0, 1.0, 11)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The detections of one class on all pictures.

    D = their number, without those that match difficult objects.
    """

    scores: Floats  # [D], descending
    right: npt.NDArray[np.bool_]  # [D]
    objects: int  # number to be found

    @classmethod
    def of(cls, scores: Floats, right: npt.NDArray[np.bool_], objects: int, least_score: float) -> "Outcome":
        """Sort detections given in any order and drop those with a score below `least_score`."""
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= least_score]
        return cls(scores=scores[order], right=right[order], objects=objects)

    def average_precision(self, mode: Literal["sample", "integrate"]) -> float:
        """Average precision, 0..1; 0 where there are no objects."""
        found = self.right.cumsum()
        recall = found / max(self.objects, 1)
        precision = found / np.arange(1, len(found) + 1)
        if mode == "sample":
            best = [precision[recall >= level].max(initial=0.0) for level in SAMPLED_RECALLS]
            return float(np.sum(best) / len(SAMPLED_RECALLS))
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def judge(
    truths: Sequence[Truth],
    found: Sequence[Detections],
    *,
    num_classes: int,
    matching_iou: float,
    confidence_threshold: float,
) -> list[Outcome]:
    """Compare the detections of each picture with its objects; returns the outcome of each class.

    The detections of a picture choose in turn, best first. Each takes the object of its class that it
    overlaps most and that no better one took; it is right if their IoU is at least `matching_iou`. Detections
    with a score below `confidence_threshold` do not count.
    """
    scores: list[list[float]] = [[] for _ in range(num_classes)]
    right: list[list[bool]] = [[] for _ in range(num_classes)]
    objects = [0] * num_classes
    for truth, detections in zip(truths, found, strict=True):
        present = np.union1d(truth.classes, detections.classes.numpy()).astype(int)
        for class_id in present.tolist():
            class_scores, class_right, class_objects = _match(truth, detections, class_id, matching_iou)
            scores[class_id] += class_scores
            right[class_id] += class_right
            objects[class_id] += class_objects
    return [
        Outcome.of(np.array(class_scores), np.array(class_right, dtype=bool), count, confidence_threshold)
        for class_scores, class_right, count in zip(scores, right, objects, strict=True)
    ]


def _match(
    truth: Truth, found: Detections, class_id: int, matching_iou: float
) -> tuple[list[float], list[bool], int]:
    """Match the detections of one class on one picture with the objects of that class.

    Returns the scores of the detections that count, best first, whether each of them is right, and the number
    of objects to be found. D = detections, G = objects.
    """
    is_detected = (found.classes == class_id).numpy()
    order = found.scores[is_detected].argsort(descending=True, stable=True)
    scores_D = found.scores[is_detected][order].tolist()
    boxes_D4 = found.boxes[is_detected][order].double()

    is_object = truth.classes == class_id
    boxes_G4 = torch.from_numpy(truth.boxes[is_object]).double()
    difficult_G = truth.difficult[is_object].astype(np.int64)

    scores: list[float] = []
    right: list[bool] = []
    free_G = np.ones(len(difficult_G), dtype=bool)
    for score, iou_G in zip(scores_D, pairwise_iou(boxes_D4, boxes_G4).numpy(), strict=True):
        free_iou_G = iou_G * free_G
        is_right = bool(free_iou_G.max(initial=0.0) >= matching_iou)
        if is_right:
            chosen = int(free_iou_G.argmax())
            free_G[chosen] = False
            if difficult_G[chosen]:
                continue  # neither right nor wrong
        scores.append(score)
        right.append(is_right)
    return scores, right, sum(right) + _count_missed(free_G, difficult_G)


def _count_missed(free_G: npt.NDArray[np.bool_], difficult_G: npt.NDArray[np.int64]) -> int:
    """Number of objects that were not found and are not difficult, counted as NVIDIA's evaluator does.

    It subtracts the sum of `difficult_G`, not the number of difficult objects. The two are the same where the
    values are 0 and 1, as they are in frames; with the occlusion levels 2 and 3, an object counts two or
    three times.
    """
    difficult_found = np.count_nonzero(difficult_G[~free_G])
    difficult_free = difficult_G.sum() - difficult_found
    return max(int(free_G.sum() - difficult_free), 0)
