"""The loss where its target is filled up; its values are compared with NVIDIA's in the golden tests."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from yolo_v4.data.targets import OBJECTNESS, Room, TrueBoxes, encode_targets
from yolo_v4.network import grid
from yolo_v4.network.grid import encode_predictions
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.loss import yolo_loss

SIZE = (96, 128)  # height and width


def heads() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, 3 * 7, SIZE[0] // stride, SIZE[1] // stride, generator=random).requires_grad_()
        for stride in (32, 16, 8)
    ]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_what_fills_a_target_up_counts_nothing(
    network_spec: Callable[..., NetworkSpec], count: int, smoothing: float
) -> None:
    random = np.random.default_rng(count)
    boxes = np.sort(random.random((count, 2, 2)), axis=1).reshape(-1, 4)
    true = TrueBoxes.of(
        [boxes, boxes[:1]], [np.ones(count, dtype=np.int64), np.ones(min(count, 1), np.int64)]
    )
    spec = network_spec(label_smoothing=smoothing)
    losses, gradients = [], []
    for room in (Room(), Room(positives=256, boxes=64)):
        target = encode_targets(
            true, spec, class_weights=[1.0, 2.0], configured_hw=SIZE, batch_hw=SIZE, room=room
        )
        outputs = heads()
        terms = yolo_loss(target, encode_predictions(outputs, spec, SIZE), spec)
        terms.total.backward()
        losses.append([term.item() for term in terms])
        gradients.append(torch.cat([head.grad.flatten() for head in outputs if head.grad is not None]))

    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-7)


def test_a_row_that_fills_up_leaves_the_first_row_its_own_objectness(
    network_spec: Callable[..., NetworkSpec],
) -> None:
    """Row 0 is named by all that fills up: it is background without a box there, and a positive with one."""
    spec = network_spec(box_matching_iou=0.99, negative_objectness_weight=1.0)
    # In the first cell, of the shape of the first anchor.
    width, height = spec.anchors[0][0][0] / SIZE[1], spec.anchors[0][0][1] / SIZE[0]
    box = np.array([[0.1 - width / 2, 0.1 - height / 2, 0.1 + width / 2, 0.1 + height / 2]])
    signs = []
    for boxes in (box, box[:0]):
        true = TrueBoxes.of([boxes, box[:0]], [np.zeros(len(boxes), dtype=np.int64), np.zeros(0, np.int64)])
        target = encode_targets(
            true, spec, class_weights=[1.0, 1.0], configured_hw=SIZE, batch_hw=SIZE, room=Room(8, 8)
        )
        outputs = heads()
        yolo_loss(target, encode_predictions(outputs, spec, SIZE), spec).total.backward()
        assert outputs[0].grad is not None
        signs.append(outputs[0].grad[0, 4, 0, 0].sign().item())  # of the logit of objectness

    assert signs == [-1, 1], "raised where there is a box, lowered where there is none"


def test_the_objectness_of_a_positive_learns_one(network_spec: Callable[..., NetworkSpec]) -> None:
    spec = network_spec()
    boxes = np.array([[0.1, 0.2, 0.4, 0.6], [0.5, 0.5, 0.7, 0.9]])
    true = TrueBoxes.of([boxes, boxes[:0]], [np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int64)])
    room = Room(positives=32, boxes=4)
    target = encode_targets(
        true, spec, class_weights=[1.0, 1.0], configured_hw=SIZE, batch_hw=SIZE, room=room
    )
    predicted = encode_predictions(heads(), spec, SIZE)

    terms = yolo_loss(target, predicted, spec)

    real = target.contents[:, OBJECTNESS] == 1
    logits = predicted.flatten(0, 1)[target.rows[real], grid.OBJECTNESS]
    # A mean over two pictures, one of which has no positives.
    assert terms.obj_pos.item() == pytest.approx(softplus(-logits).sum().item() / 2, rel=1e-4)
