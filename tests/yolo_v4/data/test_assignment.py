"""Cells that are responsible for an object: worked out by hand, and by going through them one by one."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from yolo_v4.data.assignment import neighbour_cells, own_cells
from yolo_v4.data.targets import CENTRE, OBJECTNESS, Target, TrueBoxes, encode_targets
from yolo_v4.network.grid import encode_predictions
from yolo_v4.spec.experiment import STRIDES_PX, NetworkSpec

GRID_WH = (5, 4)
HW = (96, 128)


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
    centre = np.array([place]) / GRID_WH
    grids = np.array([(1, 1), GRID_WH])  # of two scales

    found = []
    for nearness in (1, 2):
        cells, is_inside = neighbour_cells(centre, grids, nearness)
        assert not is_inside[0, 0]  # a single cell has no neighbours
        found.append(tuple(cells[0, 1].tolist()) if is_inside[0, 1] else None)

    assert found == [nearest, next_one]
    assert own_cells(centre, grids).tolist() == [[[0, 0], [int(place[0]), int(place[1])]]]


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


def target_of(spec: NetworkSpec, boxes, neighbours: int) -> Target:
    """The target of one picture whose objects are all of one class."""
    return encode_targets(
        TrueBoxes.of([boxes], [np.zeros(len(boxes), dtype=np.int64)]),
        spec,
        class_weights=[1.0],
        configured_hw=HW,
        batch_hw=HW,
        neighbours=neighbours,
    )


@pytest.mark.parametrize("neighbours", [0, 1, 2])
def test_targets_are_those_of_plain_loops(network_spec: Callable[..., NetworkSpec], neighbours: int) -> None:
    spec = network_spec()
    random = np.random.default_rng(3)
    corner = random.uniform(0, 0.7, (12, 2))
    boxes = np.concatenate((corner, corner + random.uniform(0.05, 0.3, (12, 2))), axis=1)

    target = target_of(spec, boxes, neighbours)

    owner = expected_owner(spec, boxes, neighbours, HW)
    assert len(owner) > 20 * (neighbours + 1)
    is_real = target.contents[:, OBJECTNESS] == 1
    assert sorted(target.rows[is_real].tolist()) == sorted(owner)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for row, content in zip(target.rows[is_real].tolist(), target.contents[is_real], strict=True):
        assert content[CENTRE].tolist() == pytest.approx(middles[owner[row], ::-1].tolist(), abs=1e-6)


def test_every_assigned_centre_can_be_reached(network_spec: Callable[..., NetworkSpec]) -> None:
    spec = network_spec(grid_xy_extend=(1.0, 1.0, 1.0))
    corner = np.random.default_rng(4).uniform(0, 0.5, (40, 2))
    boxes = np.concatenate((corner, corner + 0.4), axis=1)

    target = target_of(spec, boxes, neighbours=2)

    # As a network answers whose outputs for y and x are 0, or as low or high as they can be.
    is_real = target.contents[:, OBJECTNESS] == 1
    answers = []
    for output in (-50.0, 50.0):
        heads = [torch.full((1, 3 * 6, HW[0] // s, HW[1] // s), output) for s in STRIDES_PX]
        rows = encode_predictions(heads, spec, HW)[0, target.rows[is_real]]
        answers.append(rows[:, 0:2] + rows[:, 6:8] * rows[:, 4:6])
    centre = target.contents[is_real][:, CENTRE]
    assert (centre >= answers[0] - 1e-6).all()
    assert (centre <= answers[1] + 1e-6).all()
    # Some are near to the ends, so half a cell less would not do.
    step = (answers[1] - answers[0]) / 2
    assert ((centre - answers[0]) / step).min() < 0.1
    assert ((answers[1] - centre) / step).min() < 0.1
