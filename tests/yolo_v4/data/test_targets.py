"""Targets fill up to sizes that stay; what they hold is compared with NVIDIA's in the golden tests."""

from collections.abc import Callable

import numpy as np
import pytest

from yolo_v4.data.targets import CENTRE, OBJECTNESS, Room, Target, TrueBoxes, encode_targets
from yolo_v4.spec.experiment import STRIDES_PX, NetworkSpec


def encode(spec: NetworkSpec, counts: list[int], room: Room) -> Target:
    """The target of pictures with so many boxes, each in a cell of its own."""
    boxes = []
    for count in counts:
        start = np.stack((np.arange(count) / 12, np.arange(count) / 12), axis=1)
        boxes.append(np.concatenate((start, start + 0.05), axis=1))
    true = TrueBoxes.of(boxes, [np.zeros(count, dtype=np.int64) for count in counts])
    return encode_targets(
        true, spec, class_weights=[1.0], configured_hw=(384, 384), batch_hw=(384, 384), room=room
    )


@pytest.mark.parametrize(
    ("counts", "boxes", "places"),
    [([0, 0], 3, 16), ([3, 1], 3, 16), ([4, 1], 6, 16), ([12, 12], 12, 32)],
)
def test_sizes_are_those_of_the_room_doubled_until_all_fit(
    network_spec: Callable[..., NetworkSpec], counts: list[int], boxes: int, places: int
) -> None:
    # Each box is a row of its best anchor, and no other anchor is near enough.
    target = encode(network_spec(box_matching_iou=0.99), counts, Room(positives=16, boxes=3))

    assert target.boxes.shape == (2, boxes, 4)
    assert target.contents.shape == (places, 7)
    assert target.rows.shape == (places,)
    assert target.contents[:, OBJECTNESS].sum() == sum(counts)
    is_box = (target.boxes[..., 2:] > target.boxes[..., :2]).all(dim=-1)
    assert is_box.sum(dim=1).tolist() == counts


def test_boxes_are_those_of_their_own_picture(network_spec: Callable[..., NetworkSpec]) -> None:
    boxes = [np.array([[0.1, 0.2, 0.3, 0.6]]), np.zeros((0, 4)), np.array([[0.5, 0.5, 0.75, 1.0]])]
    true = TrueBoxes.of(boxes, [np.zeros(len(box), dtype=np.int64) for box in boxes])

    target = encode_targets(
        true, network_spec(), class_weights=[1.0], configured_hw=(64, 64), batch_hw=(64, 64)
    )

    assert target.boxes[0, 0].tolist() == pytest.approx([0.2, 0.1, 0.6, 0.3])
    assert target.boxes[1, 0].tolist() == [1, 1, 0, 0]
    assert target.boxes[2, 0].tolist() == [0.5, 0.5, 1, 0.75]


def expected_owner(spec: NetworkSpec, boxes, hw: tuple[int, int]) -> dict[int, int]:
    """Row -> the box that it is responsible for, by plain loops."""
    owner: dict[int, int] = {}
    for of_best in (False, True):  # what a box likes best is written last
        for number, (x1, y1, x2, y2) in enumerate(boxes):
            w, h = (x2 - x1) * hw[1], (y2 - y1) * hw[0]
            overlaps = []
            for aw, ah in (anchor for scale in spec.anchors for anchor in scale):
                both = min(w, aw) * min(h, ah)
                overlaps.append(both / (w * h + aw * ah - both))
            row = before = 0
            for scale, stride in enumerate(STRIDES_PX):
                columns, lines = hw[1] // stride, hw[0] // stride
                column, line = int((x1 + x2) / 2 * columns), int((y1 + y2) / 2 * lines)
                count = len(spec.anchors[scale])
                for place, overlap in enumerate(overlaps[before : before + count]):
                    if overlap == max(overlaps) if of_best else overlap > spec.box_matching_iou:
                        owner[row + (line * columns + column) * count + place] = number
                row += columns * lines * count
                before += count
    return owner


def test_targets_are_those_of_plain_loops(network_spec: Callable[..., NetworkSpec]) -> None:
    spec, hw = network_spec(), (96, 128)
    random = np.random.default_rng(3)
    corner = random.uniform(0, 0.7, (12, 2))
    boxes = np.concatenate((corner, corner + random.uniform(0.05, 0.3, (12, 2))), axis=1)
    true = TrueBoxes.of([boxes], [np.zeros(len(boxes), dtype=np.int64)])

    target = encode_targets(true, spec, class_weights=[1.0], configured_hw=hw, batch_hw=hw)

    owner = expected_owner(spec, boxes, hw)
    assert len(owner) > 20
    is_real = target.contents[:, OBJECTNESS] == 1
    assert sorted(target.rows[is_real].tolist()) == sorted(owner)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for row, content in zip(target.rows[is_real].tolist(), target.contents[is_real], strict=True):
        assert content[CENTRE].tolist() == pytest.approx(middles[owner[row], ::-1].tolist(), abs=1e-6)
