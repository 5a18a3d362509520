"""Labels: YOLO lines as CVAT writes them, read strictly, and the KITTI lines that NVIDIA's tools read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Boxes may reach so far outside (fraction of the picture's side) and are clipped; writers round to 6
# decimals.
TOLERANCE = 0.01
# NVIDIA's converter drops boxes whose whole-pixel corners coincide, its loader those under a pixel.
LEAST_PX = 1.0
COLUMNS = "class cx cy w h"


@dataclass(frozen=True, kw_only=True, slots=True)
class YoloBox:
    """One line of a YOLO label: class index, centre and size as fractions of the picture."""

    class_id: int
    cx: float
    cy: float
    w: float
    h: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something wrong with the data: where it is, what was found, what was expected."""

    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; expected {self.expected}"


def parse_yolo(text: str, *, where: str, num_classes: int) -> tuple[list[YoloBox], list[Problem]]:
    """The boxes of a label file and the problems of its other lines; empty files are frames without boxes."""
    boxes, problems = [], []
    ids = [str(index) for index in range(num_classes)]
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        outcome = _parse_line(line, ids)
        if isinstance(outcome, YoloBox):
            boxes.append(outcome)
        else:
            found, expected = outcome
            problems.append(Problem(where=f"{where}:{number}", found=found, expected=expected))
    return boxes, problems


def to_corners(box: YoloBox, *, width_px: int, height_px: int) -> tuple[float, float, float, float] | None:
    """Corners (x1, y1, x2, y2) in pixels, clipped to the picture, rounded to 0.01; None if under a pixel.

    Source: x1 = (cx - w / 2) * width, x2 = (cx + w / 2) * width, y alike; KITTI counts from the left upper
    corner.
    """
    x1, x2 = _clipped_side(box.cx, box.w, width_px)
    y1, y2 = _clipped_side(box.cy, box.h, height_px)
    return None if x2 - x1 < LEAST_PX or y2 - y1 < LEAST_PX else (x1, y1, x2, y2)


def kitti_line(name: str, corners: Sequence[float]) -> str:
    """The 15 columns of one object: name, truncated, occluded, alpha, x1 y1 x2 y2 in pixels, and 7 unused."""
    x1, y1, x2, y2 = corners
    return f"{name} 0.00 0 0.00 {x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f} 0 0 0 0 0 0 0\n"


def _parse_line(line: str, ids: Sequence[str]) -> YoloBox | tuple[str, str]:
    """The box of one line, or what was found and what was expected."""
    words = line.split()
    if len(words) != 5:
        return f"{len(words)} columns ({line.strip()!r})", f"5: {COLUMNS}"
    if words[0] not in ids:
        return f"class {words[0]}", f"0 to {ids[-1]}"
    try:
        cx, cy, w, h = (float(word) for word in words[1:])
    except ValueError:
        return f"{line.strip()!r}", f"numbers: {COLUMNS}"
    if not all(math.isfinite(value) for value in (cx, cy, w, h)):
        return f"{line.strip()!r}", "finite numbers"
    if w < 0 or h < 0:
        return f"a box of size {w:g} x {h:g}", "0 or more"
    reach = max(w / 2 - cx, h / 2 - cy, cx + w / 2 - 1, cy + h / 2 - 1)
    if reach > TOLERANCE:
        return (
            f"a box that reaches {reach:.3g} of the picture outside it",
            f"fractions of the picture: {COLUMNS}",
        )
    return YoloBox(class_id=int(words[0]), cx=cx, cy=cy, w=w, h=h)


def _clipped_side(centre: float, size: float, length_px: int) -> tuple[float, float]:
    low, high = ((centre + sign * size / 2) * length_px for sign in (-1, 1))
    return round(min(max(low, 0.0), length_px), 2), round(min(max(high, 0.0), length_px), 2)
