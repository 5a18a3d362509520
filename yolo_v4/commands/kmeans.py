"""`yolo_v4 kmeans`: anchor sizes for a data set, printed as TAO prints them."""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from yolo_v4.data.anchors import Sizes, choose_first, cluster, read_sizes
from yolo_v4.data.picture_file import KMEANS_ENDINGS, list_pictures
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.status import StatusLog, reported, status_path


def run(args: argparse.Namespace) -> None:
    """Find anchors and print them.

    Raises DetectorError: the numbers of folders differ, a number is too small, or there are too few boxes.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Starting k-means.", failed="K-means was interrupted."):
        _check(args)
        sizes = _wanted(args)
        first = choose_first(len(sizes), args.num_clusters)
        centres = cluster(sizes, first, max_steps=args.max_steps, step=_print_step)
        anchors = [f"({width:.2f}, {height:.2f})" for width, height in centres * (args.size_x, args.size_y)]
        print("Please use following anchor sizes in YOLO config:", *anchors, sep="\n")
        kpi = {"k-means generated anchors": str(anchors)}
        log.write("SUCCESS", "K-means finished successfully.", kpi=kpi)


def _check(args: argparse.Namespace) -> None:
    if len(args.label_folders) != len(args.image_folders):
        raise DetectorError(
            f"{len(args.label_folders)} label folders and {len(args.image_folders)} image folders "
            "do not pair up",
            remedy="give -l and -i the same number of folders, in the same order",
        )
    for flag, value in (("-x", args.size_x), ("-y", args.size_y), ("-n", args.num_clusters)):
        if value < 1:
            raise DetectorError(f"{flag} is {value}, expected 1 or more", remedy=f"correct {flag}")


def _wanted(args: argparse.Namespace) -> Sizes:
    """Sizes of the boxes that are larger than asked for."""
    parts = []
    for images, labels in zip(args.image_folders, args.label_folders, strict=True):
        # The bar is for terminals only; elsewhere the output is TAO's.
        frames = list_pictures(Path(images), KMEANS_ENDINGS, remedy="give an existing folder with -i")
        seen = tqdm(frames, unit="image", leave=False, disable=None)
        parts.append(read_sizes(seen, Path(labels), missing=lambda label: print(f"Cannot find: {label}")))
    sizes = np.concatenate(parts)
    is_wide = sizes[:, 0] > args.min_x / args.size_x
    is_high = sizes[:, 1] > args.min_y / args.size_y
    wanted = is_wide & is_high
    if wanted.sum() <= args.num_clusters:
        raise DataError(
            f"Must have more boxes than clusters: found {wanted.sum()} boxes "
            f"larger than {args.min_x} x {args.min_y} pixels ({len(sizes)} of any size) "
            f"in {', '.join(args.label_folders)} for {args.num_clusters} clusters",
            remedy="check -l and -i, or lower --min_x, --min_y or -n",
        )
    return np.asarray(sizes[wanted])


def _print_step(number: int) -> None:
    if number % 10 == 1:
        print(f"Start optimization iteration: {number}", flush=True)
