"""The file of what an evaluation found: a line of JSON for each detection.

Keys of a line: `frame` (name of the picture), `class`, `box` (x1, y1, x2, y2 in pixels of the picture) and
`score` (0 to 1). Frames are in the order of evaluation, the detections of a frame best first; a frame without
any has no line.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from yolo_v4.data.batches import Truth
from yolo_v4.data.frames import Frame
from yolo_v4.files import written_whole
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment

NAME = "detections.jsonl"


def write_detections(
    path: Path,
    frames: Sequence[Frame],
    truths: Sequence[Truth],
    found: Sequence[Detections],
    experiment: Experiment,
) -> None:
    """Write the detections on frames, of which `truths` tell where they lie on the network input."""
    with written_whole(path) as stream:
        for frame, truth, detections in zip(frames, truths, found, strict=True):
            for line in _lines(frame, truth, detections, experiment):
                stream.write(f"{line}\n".encode())


def _lines(frame: Frame, truth: Truth, found: Detections, experiment: Experiment) -> Iterator[str]:
    assert truth.fit is not None
    size = torch.tensor((experiment.augmentation.width, experiment.augmentation.height) * 2)
    boxes = truth.fit.to_picture(found.boxes * size).tolist()
    for box, score, class_id in zip(boxes, found.scores.tolist(), found.classes.tolist(), strict=True):
        yield json.dumps(
            {
                "frame": frame.image.name,
                "class": experiment.classes[class_id],
                "box": [round(side, 2) for side in box],
                "score": float(f"{score:.6g}"),
            },
            ensure_ascii=False,
        )
