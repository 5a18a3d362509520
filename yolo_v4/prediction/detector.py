"""A model of any kind as a function from pictures to what is on them."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from yolo_v4.deploy.description import EXPORT_AGAIN, read_description
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.network.checkpoint import load_network
from yolo_v4.network.yolo import Yolo
from yolo_v4.prediction.runtime import Find, by_network, by_session, open_session
from yolo_v4.spec.experiment import Experiment, NetworkInput
from yolo_v4.spec.load import load_experiment


class Model(NamedTuple):
    """A trained model; `experiment` and `network` are None of an .onnx, which has `session` at once."""

    classes: tuple[str, ...]
    input: NetworkInput
    least_score: float  # below which it finds nothing
    experiment: Experiment | None = None
    network: Yolo | None = None
    session: Any = None


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
    trained = load_experiment(Path(spec))
    network = load_network(path, trained, keras_padding=keras_padding)
    least = trained.nms.confidence_threshold
    experiment = looking_from(threshold, trained.for_inference())
    return Model(experiment.classes, experiment.augmentation, least, experiment, network)


def looking_from(threshold: float, experiment: Experiment) -> Experiment:
    """The same, which finds nothing with a score below `threshold`, and of the rest the same as before.

    A box is only ever removed by a better one, so nobody misses those below.
    """
    wanted = float(np.nextafter(np.float32(threshold), np.float32(0)))
    least = max(experiment.nms.confidence_threshold, wanted)
    return dataclasses.replace(
        experiment, nms=dataclasses.replace(experiment.nms, confidence_threshold=least)
    )


def detector(model: Model, runtime: str, device: torch.device) -> Find:
    """Finds what is on pictures placed as in evaluation; may be called by several threads."""
    if model.network is None or model.experiment is None:
        return by_session(model.session)
    return by_network(model.network.to(device), model.experiment, runtime)


def _load_onnx(path: Path) -> Model:
    """An exported model, read as bytes, so that no other file that it names is opened."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    # These have no common base.
    refusals = (
        *(raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.InvalidProtobuf),
        *(raised.NotImplemented, raised.RuntimeException),
    )
    try:
        session = open_session(path.read_bytes())
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
