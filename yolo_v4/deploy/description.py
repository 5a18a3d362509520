"""What an exported model says of itself: how to make its input, what its outputs mean, what it was made of.

Nothing in it depends on the machine, the time or a path, so the same model has the same bytes anywhere.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

from yolo_v4.spec.experiment import Experiment

OUTPUTS = {
    "BatchedNMS": "int32 [batch, 1]: number of detections of the picture",
    "BatchedNMS_1": "float32 [batch, top_k, 4]: corners x1, y1, x2, y2 as shares of the input; filling 0",
    "BatchedNMS_2": "float32 [batch, top_k]: scores, 0 to 1, best first; filling 0",
    "BatchedNMS_3": "float32 [batch, top_k]: class ids, counted from 0 in `classes`; filling -1",
}
PLACEMENT = "aspect ratio kept, centred"
PADDING = "mean colour of the picture"
FILTER = "bilinear, half-pixel centres, no antialiasing"


def describe(experiment: Experiment, *, weights: Path, data_licence: str) -> dict[str, str]:
    """The metadata of a model; the placement is that of `evaluate`, whose AP is that of the model so used.

    `weights`: the file that was exported; `data_licence`: of the training data, "" where it is not known.
    """
    spec, nms = experiment.augmentation, experiment.nms
    return {
        "classes": ",".join(experiment.classes),
        "mean": ",".join(map(str, spec.mean)),
        "input": f"Input: float32 [batch, {spec.channels}, {spec.height}, {spec.width}]",
        "channel_order": "b,g,r" if spec.channels == 3 else "grey",
        "range": "0 to 255, minus the mean of each channel, not scaled",
        "placement": PLACEMENT,
        "padding": PADDING,
        "filter": FILTER,
        "outputs": json.dumps(OUTPUTS),
        "confidence_threshold": f"{nms.confidence_threshold:.6g}",
        "iou_threshold": f"{nms.iou_threshold:.6g}",
        "top_k": str(nms.top_k),
        "spec_sha256": spec_digest(experiment),
        "weights_sha256": _file_digest(weights),
        "data_licence": data_licence or "not told",
    }


def spec_digest(experiment: Experiment) -> str:
    """The sha256 of the values of a spec but for its paths, which differ from machine to machine."""
    values = dataclasses.asdict(experiment)
    for place in ("train", "validation"):
        del values["dataset"][place]
    for path in ("resume_path", "pretrain_path", "pruned_path"):
        del values["training"][path]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
