"""The file of detections: boxes in pixels of the picture, computed by hand."""

import json
from pathlib import Path

import numpy as np
import torch

from yolo_v4.data.batches import Truth
from yolo_v4.data.frames import Frame
from yolo_v4.data.letterbox import Fit
from yolo_v4.scoring.detection_file import write_detections
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.load import load_experiment


def test_boxes_are_put_back_onto_the_picture(tmp_path: Path, write_spec) -> None:
    experiment = load_experiment(write_spec())  # an input of 64 x 64; classes bus and car
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool)
    objects = dict(zip(("boxes", "classes", "difficult"), none, strict=True))
    frames = [Frame(image=Path(f"/street/{name}.jpg"), **objects) for name in ("first", "straße")]
    # 128 x 96 pixels at half size are 64 x 48, 8 pixels below the top.
    truths = [Truth(*none, Fit(torch.tensor(0.5), torch.tensor((0, 8, 0, 8))))] * 2
    nothing = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    box = torch.tensor([[0.25, 0.25, 0.5, 0.5]])  # 16, 16, 32, 32 on the input; 32, 16, 64, 48 on the picture
    found = [nothing, Detections(box, torch.tensor([0.123456789]), torch.tensor([1]))]

    write_detections(tmp_path / "detections.jsonl", frames, truths, found, experiment)

    lines = (tmp_path / "detections.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"frame": "straße.jpg", "class": "car", "box": [32.0, 16.0, 64.0, 48.0], "score": 0.123457}
    ]
