"""Average precision as TAO counts it: VOC's 11 points or the whole area.

One oddity of NVIDIA's evaluator is left out: there a confidence threshold of 0 turns every missed object into a found
one, so that every AP is 1. Where scores are equal, the order is that of pictures and predictions.
Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/evaluator/ap_evaluator.py; Everingham et al. (IJCV 2010).
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
    """How the detections of one class did over all pictures. D = their number, without those of difficult objects."""

    scores: Floats  # [D], descending
    right: npt.NDArray[np.bool_]  # [D]
    objects: int  # to be found

    @classmethod
    def of(cls, scores: Floats, right: npt.NDArray[np.bool_], objects: int, least_score: float) -> "Outcome":
        """That of detections in any order."""
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= least_score]
        return cls(scores=scores[order], right=right[order], objects=objects)

    def average_precision(self, mode: Literal["sample", "integrate"]) -> float:
        """0..1; 0 where there are no objects."""
        found = self.right.cumsum()
        recall, precision = found / max(self.objects, 1), found / np.arange(1, len(found) + 1)
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
    """Outcomes by class, of as many truths as pictures.

    In each picture detections choose, best first, the free object of their class that they overlap most; that is
    right from `matching_iou` on. Scores below the confidence threshold do not count.
    """
    scores: list[list[float]] = [[] for _ in range(num_classes)]
    right: list[list[bool]] = [[] for _ in range(num_classes)]
    objects = [0] * num_classes
    for truth, detections in zip(truths, found, strict=True):
        for class_id in np.union1d(truth.classes, detections.classes.numpy()).astype(int).tolist():
            class_scores, class_right, to_find = _match(truth, detections, class_id, matching_iou)
            scores[class_id] += class_scores
            right[class_id] += class_right
            objects[class_id] += to_find
    return [
        Outcome.of(np.array(class_scores), np.array(class_right, dtype=bool), count, confidence_threshold)
        for class_scores, class_right, count in zip(scores, right, objects, strict=True)
    ]


def _match(
    truth: Truth, found: Detections, class_id: int, matching_iou: float
) -> tuple[list[float], list[bool], int]:
    """Scores, whether right, and the number of objects to be found, of one class on one picture."""
    mine, theirs = (found.classes == class_id).numpy(), truth.classes == class_id
    difficult_G = truth.difficult[theirs].astype(np.int64)
    order = found.scores[mine].argsort(descending=True, stable=True)
    true_boxes = torch.from_numpy(truth.boxes[theirs]).double()
    iou_DG = pairwise_iou(found.boxes[mine][order].double(), true_boxes).numpy()
    scores, right = [], []
    free_G = np.ones(len(difficult_G), dtype=bool)
    for score, iou_G in zip(found.scores[mine][order].tolist(), iou_DG, strict=True):
        open_iou_G = iou_G * free_G
        hit = bool(open_iou_G.max(initial=0.0) >= matching_iou)
        best = int(open_iou_G.argmax()) if hit else -1
        if hit:
            free_G[best] = False
        if not (hit and difficult_G[best]):
            scores.append(score)
            right.append(hit)
    missed = free_G.sum() - (difficult_G.sum() - np.count_nonzero(difficult_G[~free_G]))
    return scores, right, sum(right) + max(int(missed), 0)
