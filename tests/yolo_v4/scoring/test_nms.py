"""Non-maximum suppression against one written plainly, box by box."""

import numpy as np
import pytest
import torch
from torch import Tensor

from yolo_v4.scoring.nms import FIRST_LOOK, suppress
from yolo_v4.spec.experiment import Nms

Found = list[tuple[float, int, int]]  # score, class, number of the box


def box_by_box(boxes: Tensor, scores: Tensor, spec: Nms) -> Found:
    """What stays, best first; of equal scores the one of the lower box, then class, comes first."""
    every = [(-score, box, kind) for box, row in enumerate(scores.tolist()) for kind, score in enumerate(row)]
    stays: Found = []
    for minus_score, box, kind in sorted(every):
        if len(stays) == spec.top_k or -minus_score <= spec.confidence_threshold:
            break
        if all(
            kind != other or iou(boxes[box], boxes[rival]) <= spec.iou_threshold for _, other, rival in stays
        ):
            stays.append((-minus_score, kind, box))
    return stays


def iou(one: Tensor, other: Tensor) -> float:
    (x1, y1, x2, y2), (u1, v1, u2, v2) = one.tolist(), other.tolist()
    both = max(0.0, min(x2, u2) - max(x1, u1)) * max(0.0, min(y2, v2) - max(y1, v1))
    return both / ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - both)


def crowd(boxes: int, *, side: float, spread: float) -> tuple[Tensor, Tensor]:
    """Squares of one side about the middle, no two alike, and scores of two classes, many of them equal."""
    random = np.random.default_rng(7)
    corner = random.uniform(0.5 - spread / 2 - side / 2, 0.5 + spread / 2 - side / 2, (boxes, 2))
    scores = np.round(random.uniform(0.01, 1, (boxes, 2)), 3)
    boxes_N4 = np.hstack((corner, corner + side))
    return torch.tensor(boxes_N4, dtype=torch.float32), torch.tensor(scores, dtype=torch.float32)


@pytest.mark.parametrize(
    ("boxes", "side", "spread"),
    [
        pytest.param(300, 0.05, 0.5, id="few candidates"),
        pytest.param(FIRST_LOOK, 0.01, 0.9, id="the best of many fill the list"),
        pytest.param(FIRST_LOOK, 0.3, 0.6, id="the best of many do not fill the list"),
    ],
)
def test_what_stays_is_what_stays_box_by_box(boxes: int, side: float, spread: float) -> None:
    corners, scores = crowd(boxes, side=side, spread=spread)
    spec = Nms(confidence_threshold=0.02, iou_threshold=0.5, top_k=200)
    expected = box_by_box(corners, scores, spec)
    assert (len(expected) == spec.top_k) == (side < 0.3)

    found = suppress(corners, scores, spec)

    assert found.scores.tolist() == [pytest.approx(score) for score, _, _ in expected]
    assert found.classes.tolist() == [kind for _, kind, _ in expected]
    assert torch.equal(found.boxes, corners[[box for _, _, box in expected]])


def test_a_picture_without_candidates_has_no_detections() -> None:
    found = suppress(
        torch.rand(10, 4), torch.zeros(10, 2), Nms(confidence_threshold=0.1, iou_threshold=0.5, top_k=5)
    )
    assert [list(part.shape) for part in found] == [[0, 4], [0], [0]]
