"""Boxes divided by the grid that is fine enough for them, as label folders of their own."""

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.data.pictures import picture_size

STRIDES_PX = {"small": 8, "mid": 16, "big": 32}
MOST_CELLS = 6  # that a box of a grid is long, by the square root of its area; the coarsest takes longer ones


class BoxSize(NamedTuple):
    """Width and height in pixels of the network input."""

    width_px: float
    height_px: float

    @property
    def length_px(self) -> float:
        """The side of a square of its area."""
        return math.sqrt(self.width_px * self.height_px)


def scale_of(box: BoxSize) -> str:
    """The finest grid of which a box is less than `MOST_CELLS` long; the coarsest where there is none."""
    fine_enough = (scale for scale, stride in STRIDES_PX.items() if box.length_px < MOST_CELLS * stride)
    return next(fine_enough, "big")


def divide(train: Path, target: Path, input_px: tuple[int, int]) -> Mapping[str, Sequence[BoxSize]]:
    """Write the KITTI labels of `train` below `target`, in a folder for each scale; the boxes of each.

    Every label file is in every folder, with the lines of boxes of that scale: k-means misses no file. A box
    has the size that k-means sees, its share of the picture times that of the network input.
    """
    found: dict[str, list[BoxSize]] = {scale: [] for scale in STRIDES_PX}
    for scale in STRIDES_PX:
        (target / scale).mkdir(parents=True)
    for picture in sorted((train / "images").iterdir()):
        size = picture_size(picture.read_bytes())
        lines: dict[str, list[str]] = {scale: [] for scale in STRIDES_PX}
        label = f"{picture.stem}.txt"
        for line in (train / "labels" / label).read_text().splitlines():
            left, top, right, bottom = (float(word) for word in line.split()[4:8])
            sides = (right - left, bottom - top)
            box = BoxSize(*(side * own / of for side, own, of in zip(sides, input_px, size, strict=True)))
            scale = scale_of(box)
            found[scale].append(box)
            lines[scale].append(line)
        for scale, own in lines.items():
            (target / scale / label).write_text("".join(f"{line}\n" for line in own))
    return found


def usual_anchors(scale: str, count: int, boxes: Sequence[BoxSize]) -> list[tuple[float, float]]:
    """Anchors for a scale that has too few boxes to choose from: of its lengths, shaped like the others'."""
    usual = BoxSize(*(statistics.median(sides) for sides in zip(*boxes, strict=True)))
    longest_px = MOST_CELLS * STRIDES_PX[scale]
    shares = [(1 + step / count) / 2 * longest_px / usual.length_px for step in range(count)]
    return [(usual.width_px * share, usual.height_px * share) for share in shares]
