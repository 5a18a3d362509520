"""A model of any kind as a function from a picture to what is on it; PyTorch or onnxruntime computes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from yolo_v4.deploy.description import EXPORT_AGAIN, read_description
from yolo_v4.deploy.onnx import Candidates, add_suppression, trace_candidates
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.network.checkpoint import load_network
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import STRIDES_PX, Experiment, NetworkInput
from yolo_v4.spec.load import load_experiment

ONNXRUNTIME, PYTORCH = "onnxruntime", "PyTorch"
# To write the network as ONNX takes seconds, which fewer pictures would not win back.
LEAST_PICTURES = 200


class Model(NamedTuple):
    """A trained model; `experiment` and `network` are None of an .onnx, which has `session` at once."""

    classes: tuple[str, ...]
    input: NetworkInput
    least_score: float  # below which it finds nothing
    experiment: Experiment | None = None
    network: Yolo | None = None
    session: Any = None


def choose_runtime(device: torch.device, *, pictures: int) -> str:
    """The one rule for which program computes: `ONNXRUNTIME` or `PYTORCH`.

    `pictures`: how many pictures and frames there are to look at, in all. The onnxruntime that is installed
    knows no GPU.
    """
    return ONNXRUNTIME if device.type == "cpu" and pictures >= LEAST_PICTURES else PYTORCH


def load_model(path: Path, spec: str | None, *, keras_padding: str | None, threshold: float) -> Model:
    """The model in a .pt, .hdf5 or .onnx file, which looks no further than at scores from `threshold` on.

    Raises DetectorError: it cannot be read, it needs a spec and has none or another one, or is not explained.
    """
    if path.suffix.lower() == ".onnx":
        return _load_onnx(path)
    if spec is None:
        raise DetectorError(
            f"{path} does not tell how its input is made", remedy="-e SPEC, that it was trained with"
        )
    experiment = load_experiment(Path(spec))
    network = load_network(path, experiment, keras_padding=keras_padding)
    least = experiment.nms.confidence_threshold
    # A box is only ever removed by a better one: without those below the threshold the others are the same.
    wanted = float(np.nextafter(np.float32(threshold), np.float32(0)))
    nms = dataclasses.replace(experiment.nms, confidence_threshold=max(least, wanted))
    experiment = dataclasses.replace(experiment, nms=nms)
    return Model(experiment.classes, experiment.augmentation, least, experiment, network)


def detector(model: Model, runtime: str, device: torch.device) -> Callable[[Tensor], Detections]:
    """Finds what is on one picture, placed as in evaluation [C, H, W]; may be called by several threads."""
    if model.network is None or model.experiment is None:
        return _by_session(model.session)
    if runtime == ONNXRUNTIME:
        return _by_session(_session(_written(model.network.cpu(), model.experiment)))
    network, experiment = model.network.to(device), model.experiment
    return lambda pixels: detections(predict(network, pixels[None], experiment), experiment.nms)[0]


def _by_session(session: Any) -> Callable[[Tensor], Detections]:
    def find(pixels: Tensor) -> Detections:
        count, *parts = (out[0] for out in session.run(None, {"Input": pixels[None].numpy()}))
        boxes, scores, classes = (torch.from_numpy(part[: count[0]]) for part in parts)
        return Detections(boxes, scores, classes.long())

    return find


def _written(network: Yolo, experiment: Experiment) -> bytes:
    spec = experiment.augmentation
    predictions = sum(
        len(anchors) * (spec.height // stride) * (spec.width // stride)
        for anchors, stride in zip(experiment.network.anchors, STRIDES_PX, strict=True)
    )
    traced = trace_candidates(Candidates(network, experiment), experiment)
    content: bytes = add_suppression(traced, experiment, {}, predictions=predictions).SerializeToString()
    return content


def _session(content: bytes) -> Any:
    """A session that computes in the thread which calls it: each picture has a thread of its own."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised as well
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _load_onnx(path: Path) -> Model:
    """An exported model, read as bytes, so that no other file that it names is opened."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    # These have no common base.
    refusals = (
        *(raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.InvalidProtobuf),
        *(raised.NotImplemented, raised.RuntimeException),
    )
    try:
        session = _session(path.read_bytes())
    except refusals as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"{path} is not an ONNX model that can be read: {first}", remedy=EXPORT_AGAIN
        ) from error
    told = read_description(
        session.get_modelmeta().custom_metadata_map,
        inputs={each.name: each.shape for each in session.get_inputs()},
        outputs=[each.name for each in session.get_outputs()],
        where=str(path),
    )
    return Model(told.classes, told.input, told.confidence_threshold, session=session)
