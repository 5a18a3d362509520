"""Average precision of each class on the validation data of a spec, with a bootstrap interval over frames.

    python tests/yolo_v4/accuracy.py -m MODEL.pt -e SPEC.txt [--classes person,car] [--resamples 1000]
    python tests/yolo_v4/accuracy.py -p LABELS -e SPEC.txt ...

LABELS is a folder of KITTI label files with scores, in pixels of the pictures, as `yolo_v4 inference -l`
writes them; of whatever detector. Frames are drawn with replacement, as many as there are; the interval has
95 % of the draws in it. Detections are matched with objects frame by frame, so nothing is found or matched
again for a draw: a detection counts as often as its frame was drawn.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yolo_v4.data.batches import Truth
from yolo_v4.data.frames import read_frames
from yolo_v4.data.kitti import parse_columns, read_rows
from yolo_v4.network.checkpoint import load_network
from yolo_v4.scoring.average_precision import SAMPLED_RECALLS, judge
from yolo_v4.scoring.evaluator import evaluate
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment

QUANTILES = (0.025, 0.975)
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


def matched_by_class(
    truths: Sequence[Truth], found: Sequence[Detections], *, num_classes: int, iou: float, confidence: float
) -> list[Matched]:
    """Every class's detections of all frames, right or wrong."""
    limits = {"num_classes": num_classes, "matching_iou": iou, "confidence_threshold": confidence}
    by_frame = [judge([truth], [one], **limits) for truth, one in zip(truths, found, strict=True)]
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


def table(matched: dict[str, Matched], mode: str, resamples: int, seed: int = 0) -> str:
    """Class, average precision, objects, and bounds of its interval; in the last row their mean."""
    frames = len(next(iter(matched.values())).objects_F)
    draws_RF = np.random.default_rng(seed).multinomial(frames, np.full(frames, 1 / frames), size=resamples)
    counts_RF = np.concatenate(
        (np.ones((1, frames), dtype=np.int64), draws_RF)
    )  # the first row: frames as they are
    values = {name: one.average_precisions(counts_RF, mode) for name, one in matched.items()}
    objects = {name: int(one.objects_F.sum()) for name, one in matched.items()}
    values["mean"], objects["mean"] = np.nanmean(list(values.values()), axis=0), sum(objects.values())
    lines = [f"{'class':<14}{'AP':>7}{'boxes':>8}{'low':>8}{'high':>8}"]
    for name, value_R in values.items():
        low, high = np.nanquantile(value_R[1:], QUANTILES)
        lines.append(f"{name:<14}{value_R[0]:>7.4f}{objects[name]:>8}{low:>8.4f}{high:>8.4f}")
    return "\n".join(lines)


def of_model(model: str, spec: str) -> tuple[Experiment, list[Truth], list[Detections]]:
    """What a network finds on the validation data."""
    experiment = load_experiment(Path(spec))
    network = load_network(Path(model), experiment)
    truths: list[Truth] = []
    found: list[Detections] = []

    def find(pixels: torch.Tensor, batch: list[Truth]) -> list[Detections]:
        now = detections(predict(network, pixels, experiment), experiment.nms)
        found.extend(now)
        truths.extend(batch)
        return now

    evaluate(find, read_frames(experiment, "validation"), experiment)
    return experiment, truths, found


def of_labels(folder: Path, spec: str) -> tuple[Experiment, list[Truth], list[Detections]]:
    """What label files say was found on the pictures of the validation data."""
    experiment = load_experiment(Path(spec))
    truths, found = [], []
    for frame in read_frames(experiment, "validation"):
        truths.append(Truth(frame.boxes, frame.classes, frame.difficult))
        rows = [row for row in read_rows(folder / f"{frame.image.stem}.txt") if row[0] in experiment.classes]
        objects = [parse_columns(row, where=str(frame.image)) for row in rows]
        corners = torch.tensor([(one.x1, one.y1, one.x2, one.y2) for one in objects]).reshape(-1, 4)
        classes = torch.tensor(
            [experiment.classes.index(one.class_name) for one in objects], dtype=torch.int64
        )
        found.append(Detections(corners, torch.tensor([float(row[15]) for row in rows]), classes))
    return experiment, truths, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-m", "--model_path")
    what.add_argument("-p", "--predictions", type=Path)
    parser.add_argument("-e", "--experiment_spec", required=True)
    parser.add_argument(
        "--classes", help="to report and average, with commas between (default: all of the spec)"
    )
    parser.add_argument("--resamples", type=int, default=1000)
    args = parser.parse_args()
    if args.predictions:
        experiment, truths, found = of_labels(args.predictions, args.experiment_spec)
    else:
        experiment, truths, found = of_model(args.model_path, args.experiment_spec)
    spec = experiment.evaluation
    every = matched_by_class(
        truths,
        found,
        num_classes=len(experiment.classes),
        iou=spec.matching_iou,
        confidence=experiment.nms.confidence_threshold,
    )
    named = dict(zip(experiment.classes, every, strict=True))
    chosen = args.classes.split(",") if args.classes else experiment.classes
    print(f"{len(truths)} frames, IoU {spec.matching_iou:g}, {spec.mode}, {args.resamples} resamples")
    print(table({name: named[name] for name in chosen}, spec.mode, args.resamples))


if __name__ == "__main__":
    main()
