"""Where labels stand on a picture, against what counting each pixel says."""

import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from yolo_v4.deploy import annotate as drawing
from yolo_v4.deploy.annotate import PAD_COST, annotate

WIDTH, HEIGHT = 160, 120
Box = tuple[float, float, float, float]


@pytest.fixture
def pads(monkeypatch: pytest.MonkeyPatch) -> list[Box]:
    """The places of the labels that are drawn from now on."""
    seen: list[Box] = []
    best = drawing._best_place

    def noted(*given: Any) -> Box:
        seen.append(best(*given))
        return seen[-1]

    monkeypatch.setattr(drawing, "_best_place", noted)
    return seen


def pixels(box: Box) -> npt.NDArray[np.bool_]:
    """Which pixels of the picture a box of whole numbers covers."""
    x1, y1, x2, y2 = map(int, box)
    covered = np.zeros((HEIGHT, WIDTH), dtype=bool)
    covered[max(y1, 0) : y2, max(x1, 0) : x2] = True
    return covered


def test_a_label_stands_where_it_hides_the_least_of_boxes_and_labels(pads: list[Box]) -> None:
    chance = random.Random(4)
    corners = [(chance.randrange(0, 130), chance.randrange(0, 95)) for _ in range(25)]
    boxes = [(x, y, x + chance.randrange(8, 28), y + chance.randrange(8, 24)) for x, y in corners]

    annotate(Image.new("RGB", (WIDTH, HEIGHT)), boxes, ["car: 0.50"] * len(boxes), [0] * len(boxes))

    assert len(pads) == len(boxes)
    cost = np.sum([pixels(box) for box in boxes], axis=0)
    for (x1, y1, x2, y2), pad in zip(boxes, pads, strict=True):
        width, height = pad[2] - pad[0], pad[3] - pad[1]
        lefts = [min(max(x, 0), WIDTH - 1 - width) for x in (x1, x2 - width)]
        tops = [min(max(y, 0), HEIGHT - 1 - height) for y in (y1 - height, y2, y1)]
        places = [(left, top, left + width, top + height) for top in tops for left in lefts]
        hidden = [int(cost[pixels(place)].sum()) for place in places]
        assert pad == places[hidden.index(min(hidden))]  # of equals the first, above the box
        cost = cost + PAD_COST * pixels(pad)


def test_a_picture_without_boxes_stays_as_it_is(pads: list[Box]) -> None:
    picture = Image.new("RGB", (WIDTH, HEIGHT), (10, 20, 30))

    assert annotate(picture, [], [], []).tobytes() == picture.tobytes()
    assert pads == []
