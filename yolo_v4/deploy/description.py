"""What an exported model says of itself: how to make its input, what its outputs mean, what it was made of.

Nothing in it depends on the machine, the time or a path, so the same model has the same bytes anywhere.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from yolo_v4.errors import DataError
from yolo_v4.spec.experiment import Experiment, NetworkInput

OUTPUTS = {
    "BatchedNMS": "int32 [batch, 1]: number of detections of the picture",
    "BatchedNMS_1": "float32 [batch, top_k, 4]: corners x1, y1, x2, y2 as shares of the input; filling 0",
    "BatchedNMS_2": "float32 [batch, top_k]: scores, 0 to 1, best first; filling 0",
    "BatchedNMS_3": "float32 [batch, top_k]: class ids, counted from 0 in `classes`; filling -1",
}
PLACEMENT = "aspect ratio kept, centred"
PADDING = "mean colour of the picture"
FILTER = "bilinear, half-pixel centres, no antialiasing"
RANGE = "0 to 255, minus the mean of each channel, not scaled"
ORDERS = {3: "b,g,r", 1: "grey"}  # of channels, by their number
# How pictures are made the input, as every model of ours tells.
_PREPARED = {
    "channel_order": "",  # by the number of channels
    "range": RANGE,
    "placement": PLACEMENT,
    "padding": PADDING,
    "filter": FILTER,
}
EXPORT_AGAIN = (
    "export it with `yolo_v4 export` or `make export` of this version, or give the .pt it was made of"
)


def describe(experiment: Experiment, *, weights: Path, data_licence: str) -> dict[str, str]:
    """The metadata of a model; the placement is that of `evaluate`, whose AP is that of the model so used.

    `weights`: the file that was exported; `data_licence`: of the training data, "" where it is not known.
    """
    spec, nms = experiment.augmentation, experiment.nms
    return {
        "classes": ",".join(experiment.classes),
        "mean": ",".join(map(str, spec.mean)),
        "input": f"Input: float32 [batch, {spec.channels}, {spec.height}, {spec.width}]",
        "channel_order": ORDERS[spec.channels],
        "range": RANGE,
        "placement": PLACEMENT,
        "padding": PADDING,
        "filter": FILTER,
        "outputs": json.dumps(OUTPUTS),
        "confidence_threshold": f"{nms.confidence_threshold:.6g}",
        "iou_threshold": f"{nms.iou_threshold:.6g}",
        "top_k": str(nms.top_k),
        "spec_sha256": spec_digest(experiment),
        "weights_sha256": file_digest(weights),
        "data_licence": data_licence or "not told",
    }


class Told(NamedTuple):
    """What a model says of itself, as far as it is needed to use it."""

    classes: tuple[str, ...]
    input: NetworkInput
    confidence_threshold: float


def read_description(
    metadata: Mapping[str, str], *, inputs: Mapping[str, Sequence[Any]], outputs: Sequence[str], where: str
) -> Told:
    """The opposite of `describe`; `inputs` are shapes by name, and `where` is the file.

    Raises DataError: a model does not say how it is used, or is used otherwise than ours are.
    """
    missing = [key for key in ("classes", "mean", "confidence_threshold", *_PREPARED) if key not in metadata]
    if missing:
        raise DataError(
            f"{where} has no metadata {', '.join(missing)}: nothing tells how it is used", remedy=EXPORT_AGAIN
        )
    shape = [size for size in inputs.get("Input", ()) if isinstance(size, int)]
    if len(shape) != 3 or shape[0] not in ORDERS or [*outputs] != [*OUTPUTS]:
        raise DataError(
            f"{where} has the inputs {dict(inputs)} and the outputs {', '.join(outputs)}; expected Input "
            f"[batch, 1 or 3, height, width] and {', '.join(OUTPUTS)}",
            remedy=EXPORT_AGAIN,
        )
    channels, height, width = shape
    for key, ours in {**_PREPARED, "channel_order": ORDERS[channels]}.items():
        if metadata[key] != ours:
            raise DataError(
                f"{where} says {key} {metadata[key]!r}, and only {ours!r} is known here", remedy=EXPORT_AGAIN
            )
    try:
        mean = tuple(map(float, metadata["mean"].split(",")))
        threshold = float(metadata["confidence_threshold"])
    except ValueError as error:
        raise DataError(f"{where} has metadata that is no number: {error}", remedy=EXPORT_AGAIN) from error
    if len(mean) != channels:
        raise DataError(f"{where} tells {len(mean)} means of {channels} channels", remedy=EXPORT_AGAIN)
    target = NetworkInput(width=width, height=height, channels=channels, mean=mean)
    return Told(tuple(metadata["classes"].split(",")), target, threshold)


def spec_digest(experiment: Experiment) -> str:
    """The sha256 of the values of a spec but for its paths, which differ from machine to machine.

    Without an extension it is what it was before there were any.
    """
    values = dataclasses.asdict(experiment)
    if not experiment.extended:
        del values["extension"]
    for place in ("train", "validation"):
        del values["dataset"][place]
    for path in ("resume_path", "pretrain_path", "pruned_path"):
        del values["training"][path]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """The sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
