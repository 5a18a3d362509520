"""Average precision of each class with a bootstrap interval, of a network or of label files of any detector.

Frames are drawn with replacement, as many as there are; or whole cameras, since frames of one camera are
alike and say little about another one. The interval has 95 % of the draws in it. Detections are matched with
objects frame by frame, so nothing is found or matched again for a draw: a detection counts as often as its
frame was drawn. Every set of frames has its own draws, the same for each detector, so that two detectors are
compared draw by draw.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yolo_v4.data.batches import Truth
from yolo_v4.data.frames import Frame, read_frames
from yolo_v4.data.kitti import parse_columns, read_rows
from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_network
from yolo_v4.scoring.average_precision import SAMPLED_RECALLS, judge
from yolo_v4.scoring.evaluator import evaluate
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment

QUANTILES = (0.025, 0.975)
MEAN = "mean"
CAMERA_MARK = "__"  # in the name of a frame, after that of its camera or day
SCORE = 15  # the column of a KITTI row behind those of the object
CHUNK = 50  # draws worked on together, which bounds memory


@dataclass(frozen=True, kw_only=True)
class Matched:
    """One class on all frames. D = detections, by descending score; F = frames."""

    right_D: Any
    frame_D: Any
    objects_F: Any  # to be found on each frame

    def average_precisions(self, counts_RF: Any, mode: str) -> Any:
        """[R] of draws that have each frame so many times; NaN where a draw has no object."""
        parts = [
            self._chunk(counts_RF[first : first + CHUNK], mode) for first in range(0, len(counts_RF), CHUNK)
        ]
        return np.concatenate(parts)

    def _chunk(self, counts_RF: Any, mode: str) -> Any:
        weight_RD = counts_RF[:, self.frame_D].astype(np.float64)
        objects_R = (counts_RF @ self.objects_F).astype(np.float64)
        found_RD = (weight_RD * self.right_D).cumsum(axis=1)
        recall_RD = found_RD / np.maximum(objects_R, 1)[:, None]
        precision_RD = found_RD / np.maximum(weight_RD.cumsum(axis=1), 1)
        envelope_RD = np.maximum.accumulate(precision_RD[:, ::-1], axis=1)[:, ::-1]
        if mode == "integrate":
            value_R = (np.diff(recall_RD, axis=1, prepend=0.0) * envelope_RD).sum(axis=1)
        else:
            reached = [
                np.where(recall_RD >= level, envelope_RD, 0.0).max(axis=1, initial=0.0)
                for level in SAMPLED_RECALLS
            ]
            value_R = np.mean(reached, axis=0)
        return np.where(objects_R > 0, value_R, np.nan)


@dataclass(frozen=True)
class Score:
    """Average precision of one class. R = the frames as they are, and then the draws."""

    name: str
    objects: int
    draws_R: Any

    @property
    def ap(self) -> float:
        """With every frame once."""
        return float(self.draws_R[0])

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of 95 % of the draws."""
        return interval(self.draws_R)


def interval(draws_R: Any) -> tuple[float, float]:
    """Bounds of 95 % of the draws, of which the first is the frames as they are."""
    low, high = np.nanquantile(draws_R[1:], QUANTILES)
    return float(low), float(high)


def matched_by_class(
    truths: Sequence[Truth], found: Sequence[Detections], *, num_classes: int, iou: float, confidence: float
) -> list[Matched]:
    """Every class's detections of all frames, right or wrong."""
    by_frame = [
        judge([truth], [one], num_classes=num_classes, matching_iou=iou, confidence_threshold=confidence)
        for truth, one in zip(truths, found, strict=True)
    ]
    classes = []
    for outcomes in zip(*by_frame, strict=True):
        order = np.argsort(-np.concatenate([one.scores for one in outcomes]), kind="stable")
        frame_D = np.repeat(np.arange(len(outcomes)), [len(one.scores) for one in outcomes])
        classes.append(
            Matched(
                right_D=np.concatenate([one.right for one in outcomes])[order],
                frame_D=frame_D[order],
                objects_F=np.array([one.objects for one in outcomes]),
            )
        )
    return classes


def draw_counts(groups: Sequence[str], resamples: int, seed: int = 0) -> Any:
    """How often each frame counts, [1 + resamples, F]; in the first row, once each.

    `groups`: for each frame, what is drawn with it.
    """
    names, group_F = np.unique(np.array(groups), return_inverse=True)
    count = len(names)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return np.concatenate((np.ones((1, count), dtype=np.int64), draws))[:, group_F]


def score(matched: Mapping[str, Matched], mode: str, counts_RF: Any, *, few: int = 0) -> list[Score]:
    """Each class that has an object, and their mean.

    A class of fewer than `few` objects is no part of the mean, unless all are.
    """
    scores = [
        Score(name, int(one.objects_F.sum()), one.average_precisions(counts_RF, mode))
        for name, one in matched.items()
        if one.objects_F.any()
    ]
    meant = [one for one in scores if one.objects >= few] or scores
    # A draw of cameras may have no object of a class; the mean is of the others, if there are some.
    draws_CR = np.array([one.draws_R for one in meant])
    known_R = (~np.isnan(draws_CR)).sum(axis=0)
    mean_R = np.where(known_R > 0, np.nansum(draws_CR, axis=0) / np.maximum(known_R, 1), np.nan)
    return [*scores, Score(MEAN, sum(one.objects for one in meant), mean_R)]


def table(scores: Sequence[Score]) -> str:
    """Class, average precision, objects, and bounds of its interval; in the last row their mean."""
    lines = [f"{'class':<14}{'AP':>7}{'boxes':>8}{'low':>8}{'high':>8}"]
    for one in scores:
        low, high = one.interval
        lines.append(f"{one.name:<14}{one.ap:>7.4f}{one.objects:>8}{low:>8.4f}{high:>8.4f}")
    return "\n".join(lines)


def of_model(
    model: Path, frames: list[Frame], experiment: Experiment
) -> tuple[list[Truth], list[Detections]]:
    """The objects of frames, and what a network finds there."""
    network = load_network(model, experiment)
    looked = experiment.for_inference()
    truths: list[Truth] = []
    found: list[Detections] = []

    def find(pixels: torch.Tensor, batch: list[Truth]) -> list[Detections]:
        now = detections(predict(network, pixels, looked), looked.nms)
        found.extend(now)
        truths.extend(batch)
        return now

    evaluate(find, frames, looked)
    return truths, found


def of_labels(
    folder: Path, frames: list[Frame], experiment: Experiment
) -> tuple[list[Truth], list[Detections]]:
    """The objects of frames, and what KITTI label files with scores say was found there.

    Their corners are in pixels of the pictures, as `yolo_v4 inference -l` writes them. A class is one of the
    spec's, or one that it maps to such a one; rows of others are left out, and counted on the console.
    Raises DataError: a label file cannot be read, or a row has no score that is a number.
    """
    truths, found = [], []
    left_out: Counter[str] = Counter()
    known = {**{name: name for name in experiment.classes}, **experiment.dataset.class_mapping}
    for frame in frames:
        truths.append(Truth(frame.boxes, frame.classes, frame.difficult))
        path = folder / f"{frame.image.stem}.txt"
        rows = [(known.get(row[0].lower()), row) for row in read_rows(path)]
        left_out.update(row[0] for name, row in rows if name is None)
        corners, scores, classes = [], [], []
        for name, row in rows:
            if name is not None:
                one = parse_columns(row, where=str(path))
                corners.append((one.x1, one.y1, one.x2, one.y2))
                scores.append(_score(row, path))
                classes.append(experiment.classes.index(name))
        boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
        found.append(Detections(boxes, torch.tensor(scores), torch.tensor(classes, dtype=torch.int64)))
    if left_out:
        told = ", ".join(f"{name} {count}" for name, count in sorted(left_out.items()))
        print(f"left out, of classes that the spec does not map: {told}", flush=True)
    return truths, found


def _score(row: Sequence[str], path: Path) -> float:
    with contextlib.suppress(IndexError, ValueError):
        if math.isfinite(score := float(row[SCORE])):
            return score
    raise DataError(
        f"{path}: a row of {len(row)} columns without a score: {' '.join(row)}",
        remedy="label files of what was found have 16 columns, the last of which is the score",
    )


def _cameras(frames: Sequence[Frame]) -> list[str]:
    """The camera of each frame. Raises DataError: their names do not tell two of them."""
    cameras = [frame.image.stem.partition(CAMERA_MARK)[0] for frame in frames]
    marked = all(CAMERA_MARK in frame.image.stem for frame in frames)
    if not marked or len(set(cameras)) < 2:
        raise DataError(
            f"an interval over cameras needs frames of two or more, named like CAMERA{CAMERA_MARK}NAME",
            remedy="rename the frames, or leave --by-camera out",
        )
    return cameras


def judge_frames(
    spec: Path,
    *,
    model: Path | None = None,
    labels: Path | None = None,
    by_camera: bool = False,
    resamples: int = 1000,
    few: int = 0,
) -> list[Score]:
    """Scores of a model, or of label files, on the validation data of a spec.

    `by_camera`: whole cameras are drawn; the camera is what stands before `CAMERA_MARK` in a frame's name.
    """
    experiment = load_experiment(spec)
    frames = read_frames(experiment, "validation")
    if model is not None:
        truths, found = of_model(model, frames, experiment)
    elif labels is not None:
        truths, found = of_labels(labels, frames, experiment)
    else:
        raise ValueError("neither a model nor label files to judge")
    matched = matched_by_class(
        truths,
        found,
        num_classes=len(experiment.classes),
        iou=experiment.evaluation.matching_iou,
        confidence=experiment.nms.confidence_threshold,
    )
    groups = _cameras(frames) if by_camera else [frame.image.stem for frame in frames]
    named = dict(zip(experiment.classes, matched, strict=True))
    return score(named, experiment.evaluation.mode, draw_counts(groups, resamples), few=few)
