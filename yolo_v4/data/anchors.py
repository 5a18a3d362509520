"""Anchor sizes for a data set: k-means on the widths and heights of its boxes, with 1 - IoU as the distance.

Source: TAO 5.0, `cv/yolo_v3/scripts/kmeans.py`. Two things differ: the first centres come from a fixed seed,
so that the same data give the same anchors; and a cluster that loses all its boxes takes the box with the
smallest IoU with its own centre, where the original ends with NaN.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yolo_v4.data.kitti import COLUMNS, parse_columns, read_rows
from yolo_v4.data.picture_file import picture_size

Sizes = NDArray[np.float64]
SEED = 0


def read_sizes(images: Iterable[Path], labels: Path, *, missing: Callable[[Path], Any]) -> Sizes:
    """Widths and heights [n, 2] of all boxes, as shares of the picture's; negative where corners are swapped.

    The label file of a picture has its stem; `missing` is called with those that do not exist. Boxes of class
    DontCare count, lines with fewer than 15 columns do not.
    Raises DataError: a picture or label file cannot be read.
    """
    sizes = []
    for image in images:
        label = labels / f"{image.stem}.txt"
        if not label.exists():
            missing(label)
            continue
        width_px, height_px = picture_size(image)
        for index, columns in enumerate(read_rows(label)):
            if len(columns) >= COLUMNS:
                box = parse_columns(columns, where=f"{label}, object {index}")
                # As in the original, each corner is divided by itself: the last bit can decide a tie.
                sizes.append((box.x2 / width_px - box.x1 / width_px, box.y2 / height_px - box.y1 / height_px))
    return np.array(sizes, dtype=np.float64).reshape(-1, 2)


def choose_first(count: int, clusters: int, *, seed: int = SEED) -> NDArray[np.int64]:
    """Indices [clusters] of the boxes that become the first centres, each at most once."""
    return np.random.RandomState(seed).choice(count, clusters, replace=False).astype(np.int64)


def cluster(sizes: Sizes, first: NDArray[np.int64], *, max_steps: int, step: Callable[[int], Any]) -> Sizes:
    """Median widths and heights [k, 2] of clusters of similar boxes, the smallest area first.

    Args:
        sizes: of the boxes, [n, 2] with n > k, all positive.
        first: indices [k] of the boxes that are the first centres.
        max_steps: iterations at most.
        step: called with the number of each iteration, from 1.
    """
    centres = sizes[first]
    assigned = np.full(len(sizes), -1)
    for number in range(1, max_steps + 1):
        step(number)
        overlap = _overlap(sizes, centres)
        nearest = overlap.argmax(axis=1)
        if (nearest == assigned).all():
            break
        assigned = nearest
        centres = _medians(sizes, assigned, overlap)
    return centres[np.argsort(centres.prod(axis=1), kind="stable")]


def _overlap(sizes: Sizes, centres: Sizes) -> Sizes:
    """IoU [n, k] of boxes and centres that share their centre point."""
    shared = np.minimum(sizes[:, None], centres[None]).prod(axis=2)
    return np.asarray(shared / (sizes.prod(axis=1)[:, None] + centres.prod(axis=1)[None] - shared))


def _medians(sizes: Sizes, assigned: NDArray[np.int64], overlap: Sizes) -> Sizes:
    centres = np.empty((overlap.shape[1], 2))
    worst_first = iter(np.argsort(overlap.max(axis=1), kind="stable"))
    for index in range(len(centres)):
        members = sizes[assigned == index]
        centres[index] = np.median(members, axis=0) if len(members) else sizes[next(worst_first)]
    return centres
