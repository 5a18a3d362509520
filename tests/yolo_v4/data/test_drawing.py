"""How often frames of each camera are drawn."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from yolo_v4.data.drawing import draws_per_epoch, order_of_epoch
from yolo_v4.data.frames import Frame
from yolo_v4.spec.experiment import Cameras


@pytest.fixture
def frames() -> list[Frame]:
    """Sixteen frames of one camera, four of another one, and one whose name tells none."""
    names = [f"north__{number}" for number in range(16)] + [f"south__{number}" for number in range(4)]
    none = np.zeros(0, dtype=np.int64)
    boxes = np.zeros((0, 4), dtype=np.float32)
    return [
        Frame(image=Path(f"{name}.jpg"), boxes=boxes, classes=none, difficult=none.astype(bool))
        for name in [*names, "lost"]
    ]


@pytest.mark.parametrize(
    ("evenness", "north", "south", "lost"),
    [(1.0, 7.0, 7.0, 7.0), (0.5, 12.0, 6.0, 3.0)],  # of 21; in proportion to 1, 1, 1 and to 4, 2, 1
)
def test_cameras_are_drawn_by_a_power_of_their_frames(frames, evenness, north, south, lost) -> None:
    draws = draws_per_epoch(frames, Cameras(pattern="(.+?)__", evenness=evenness))

    assert draws[:16].sum() == pytest.approx(north)
    assert draws[16:20].sum() == pytest.approx(south)
    assert draws[20] == pytest.approx(lost)
    assert len(np.unique(draws[:16])) == 1


def test_without_cameras_an_epoch_is_a_permutation(frames) -> None:
    order = order_of_epoch(draws_per_epoch(frames, None), np.random.default_rng((3, 1)))

    assert order.tolist() == np.random.default_rng((3, 1)).permutation(21).tolist()


def test_an_epoch_has_each_frame_as_often_as_expected_rounded_up_or_down(frames) -> None:
    draws = draws_per_epoch(frames, Cameras(pattern="(.+?)__", evenness=0.5))
    total: Counter[int] = Counter()
    for seed in range(2000):
        order = order_of_epoch(draws, np.random.default_rng(seed))
        assert len(order) == 21
        times = np.bincount(order, minlength=21)
        assert (np.abs(times - draws) < 1).all()
        total.update(order.tolist())

    found = np.array([total[frame] for frame in range(21)]) / 2000
    np.testing.assert_allclose(found, draws, atol=0.05)


def test_frames_of_a_camera_do_not_stand_together(frames) -> None:
    draws = draws_per_epoch(frames, Cameras(pattern="(.+?)__", evenness=1.0))
    firsts = Counter(int(order_of_epoch(draws, np.random.default_rng(seed))[0]) for seed in range(600))

    assert sum(firsts[frame] for frame in range(16)) == pytest.approx(200, abs=50)
    assert firsts[20] == pytest.approx(200, abs=50)
