"""How much boxes overlap."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the picture


def corners(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """The boxes as an array, [G, 4]; also of none."""
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def iou(box: Box, others: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of a box with G others, each 0 to 1; [G].

    A box without area overlaps nothing, not even itself.

    Args:
        box: one box.
        others: boxes, [G, 4].
    """
    x1, y1, x2, y2 = box
    left, top, right, bottom = np.asarray(others, dtype=np.float64).T
    shared = (np.minimum(right, x2) - np.maximum(left, x1)).clip(0)
    shared = shared * (np.minimum(bottom, y2) - np.maximum(top, y1)).clip(0)
    union = (right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - shared
    overlap: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return overlap
