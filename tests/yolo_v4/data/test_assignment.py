"""Cells that are responsible for an object: worked out by hand, and by going through them one by one."""

from collections.abc import Callable

import numpy as np
import pytest

from yolo_v4.data.assignment import neighbour_cells, own_cells
from yolo_v4.data.targets import OBJECTNESS, encode_targets
from yolo_v4.network.grid import _prior
from yolo_v4.spec.experiment import STRIDES_PX, NetworkSpec

GRID_HW = (4, 5)


@pytest.mark.parametrize(
    ("place", "nearest", "next_one"),  # in cells
    [
        ((2.2, 1.4), (1, 1), (2, 0)),  # 0.2 from the left edge, 0.4 from the upper one
        ((2.4, 1.8), (2, 2), (1, 1)),
        ((2.9, 1.6), (3, 1), (2, 2)),
        ((0.1, 1.6), None, (0, 2)),  # there is nothing left of the first column
        ((0.1, 0.3), None, None),
        ((4.95, 3.9), None, None),  # nor beyond the last column and row
        ((4.6, 3.95), None, None),
        ((4.4, 3.2), (4, 2), (3, 3)),
    ],
)
def test_neighbours_are_the_nearest_cells_across_an_edge(place, nearest, next_one) -> None:
    centre = np.array([place]) / (GRID_HW[1], GRID_HW[0])

    found = []
    for nearness in (1, 2):
        cells, is_inside = neighbour_cells(centre, GRID_HW, nearness)
        found.append(tuple(cells[0].tolist()) if is_inside[0] else None)

    assert found == [nearest, next_one]
    assert own_cells(centre, GRID_HW).tolist() == [[int(place[0]), int(place[1])]]


def expected_owner(spec: NetworkSpec, boxes, neighbours: int, hw: tuple[int, int]) -> dict[int, int]:
    """Row -> the box that it is responsible for, by plain loops."""
    anchors = [anchor for scale in spec.anchors for anchor in scale]
    owner: dict[int, int] = {}
    for nearness in range(neighbours, -1, -1):
        for of_best in (False, True):  # what a box likes best is written last
            for number, (x1, y1, x2, y2) in enumerate(boxes):
                w, h = (x2 - x1) * hw[1], (y2 - y1) * hw[0]
                overlaps = []
                for aw, ah in anchors:
                    both = min(w, aw) * min(h, ah)
                    overlaps.append(both / (w * h + aw * ah - both))
                row = 0
                for scale, stride in enumerate(STRIDES_PX):
                    columns, rows = hw[1] // stride, hw[0] // stride
                    x, y = (x1 + x2) / 2 * columns, (y1 + y2) / 2 * rows
                    across, down = ((-1, 0) if x % 1 < 0.5 else (1, 0)), ((0, -1) if y % 1 < 0.5 else (0, 1))
                    if abs(x % 1 - 0.5) < abs(y % 1 - 0.5):
                        across, down = down, across
                    step = ((0, 0), across, down)[nearness]
                    column, line = int(x) + step[0], int(y) + step[1]
                    for place in range(len(spec.anchors[scale])):
                        anchor = sum(len(each) for each in spec.anchors[:scale]) + place
                        is_best = overlaps[anchor] == max(overlaps)
                        wanted = is_best if of_best else overlaps[anchor] > spec.box_matching_iou
                        if wanted and 0 <= column < columns and 0 <= line < rows:
                            at = row + (line * columns + column) * len(spec.anchors[scale]) + place
                            owner[at] = number
                    row += columns * rows * len(spec.anchors[scale])
    return owner


@pytest.mark.parametrize("neighbours", [0, 1, 2])
def test_targets_are_those_of_plain_loops(network_spec: Callable[..., NetworkSpec], neighbours: int) -> None:
    spec = network_spec()
    random = np.random.default_rng(3)
    hw = (96, 128)
    corner = random.uniform(0, 0.7, (12, 2))
    boxes = np.concatenate((corner, corner + random.uniform(0.05, 0.3, (12, 2))), axis=1)

    rows = encode_targets(
        [boxes],
        [np.zeros(12, dtype=np.int64)],
        spec,
        class_weights=[1.0],
        configured_hw=hw,
        batch_hw=hw,
        neighbours=neighbours,
    )[0].numpy()

    owner = expected_owner(spec, boxes, neighbours, hw)
    assert len(owner) > 20 * (neighbours + 1)
    assert np.flatnonzero(rows[:, OBJECTNESS]).tolist() == sorted(owner)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for row, number in owner.items():
        assert rows[row, :2].tolist() == pytest.approx(middles[number, ::-1].tolist(), abs=1e-6)


def test_every_assigned_centre_can_be_reached(network_spec: Callable[..., NetworkSpec]) -> None:
    spec = network_spec(grid_xy_extend=(1.0, 1.0, 1.0))
    boxes = np.random.default_rng(4).uniform(0, 0.5, (40, 2))
    boxes = np.concatenate((boxes, boxes + 0.4), axis=1)
    hw = (96, 128)
    target = encode_targets(
        [boxes],
        [np.zeros(40, dtype=np.int64)],
        spec,
        class_weights=[1.0],
        configured_hw=hw,
        batch_hw=hw,
        neighbours=2,
    )[0]

    priors = [
        _prior(hw[0] // stride, hw[1] // stride, anchors, hw, target.device)
        for stride, anchors in zip(STRIDES_PX, spec.anchors, strict=True)
    ]
    prior = np.concatenate([one.numpy() for one in priors])
    is_positive = target[:, OBJECTNESS].numpy() > 0
    in_cells = (target[:, :2].numpy() - prior[:, 0:2])[is_positive] / prior[is_positive, 4:6]

    # The sigmoid, spread to twice its width, gives -0.5 to 1.5.
    assert in_cells.min() >= -0.5 - 1e-5
    assert in_cells.max() <= 1.5 + 1e-5
    assert in_cells.min() < -0.3
    assert in_cells.max() > 1.3
