"""`yolo_v4 export`: write a model as ONNX, compared with PyTorch before it is written."""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from yolo_v4.commands.inference import SUFFIXES
from yolo_v4.commands.model import load_model, say_ignored
from yolo_v4.data.letterbox import fit_top_left
from yolo_v4.data.picture_file import open_picture
from yolo_v4.deploy.compare import Floats, differences, run_onnx
from yolo_v4.deploy.deepstream import write_deepstream
from yolo_v4.deploy.onnx import Candidates, add_suppression, trace_candidates
from yolo_v4.errors import DetectorError
from yolo_v4.scoring.nms import suppress
from yolo_v4.spec.experiment import Experiment
from yolo_v4.status import StatusLog, reported, status_path

TOLERANCES = {"fp32": 1e-3, "fp16": 5e-2}  # of scores, and of boxes as shares of the picture
NOISE_PICTURES, REAL_PICTURES = 2, 4
CUT_TOLERANCE = 1e-5
REPORT = "report this, with the versions of torch and onnxruntime"


def run(args: argparse.Namespace) -> None:
    """Export and compare.

    Raises:
        DetectorError: flags that cannot be met, a spec or model that is not what it should be, a file in the way, or
            an ONNX model that says something else than the network.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Building exporter object.", failed="Export was interrupted."):
        say_ignored(args)
        _check_flags(args)
        target = output_file(args.model, args.output_file)
        network, experiment = load_model(args.model, args.experiment_spec, args.gpu_index)
        log.write("RUNNING", "Exporting the model.")
        candidates = Candidates(network.cpu(), experiment, half=args.data_type == "fp16")
        model = _checked_model(candidates, experiment, args.data_type)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(target, model.SerializeToString(deterministic=True))
        if args.gen_ds_config:
            write_deepstream(target.parent, experiment)
        print(f"ONNX model saved to {target}")
        facts = {
            "param_count": sum(weight.numel() for weight in network.parameters()) / 1e6,
            "size": target.stat().st_size / 2**20,
        }
        log.write("SUCCESS", "Export finished successfully.", data=facts)


def output_file(model: str, asked_for: str | None) -> Path:
    """Where to write: as asked for, with `.onnx` put behind another ending as in TAO, or beside the model.

    Raises:
        DetectorError: there is something already.
    """
    target = Path(asked_for) if asked_for else Path(model).with_suffix(".onnx")
    if target.suffix != ".onnx":
        target = target.with_name(f"{target.name}.onnx")
    if target.exists():
        raise DetectorError(f"Default output file {target} already exists", remedy="remove it, or give another -o")
    return target


def _check_flags(args: argparse.Namespace) -> None:
    if args.data_type == "int8":
        raise DetectorError(
            "--data_type int8 is not supported: it needs calibration on the device that will run the model",
            remedy="export fp32 or fp16, and let the inference server quantise it",
        )
    if args.engine_file:
        raise DetectorError(
            "--engine_file: TensorRT engines are not built here",
            remedy="leave it out, and run trtexec on the .onnx file",
        )


def _checked_model(candidates: Candidates, experiment: Experiment, data_type: str) -> onnx.ModelProto:
    """The model, after onnxruntime has said the same as PyTorch with it.

    Raises:
        DetectorError: it has not.
    """
    pixels = _test_pictures(experiment)
    traced = trace_candidates(candidates, experiment)
    boxes, scores = run_onnx(traced, pixels)
    model = add_suppression(traced, experiment, predictions=boxes.shape[1])
    box_difference, score_difference = differences(candidates, [boxes, scores], pixels)
    print(
        f"Largest difference between ONNX and PyTorch on {len(pixels)} pictures: {score_difference:.2g} of a score,"
        f" {box_difference:.2g} of the picture for a corner"
    )
    if max(box_difference, score_difference) > TOLERANCES[data_type]:
        raise DetectorError(
            f"the exported model differs from the network by more than {TOLERANCES[data_type]}, and was not written",
            remedy="export fp32" if data_type != "fp32" else REPORT,
        )
    if not _suppresses_alike(run_onnx(model, pixels), boxes, scores, experiment):
        raise DetectorError("the exported model keeps other boxes than the network, and was not written", remedy=REPORT)
    return model


def _suppresses_alike(found: list[Any], boxes: Floats, scores: Floats, experiment: Experiment) -> bool:
    """Do the model's outputs hold what our own suppression leaves of the same candidates?"""
    for count, kept_boxes, kept_scores, _, all_boxes, all_scores in zip(*found, boxes, scores, strict=True):
        expected = suppress(torch.from_numpy(all_boxes), torch.from_numpy(all_scores).T, experiment.nms)
        number = len(expected.scores)
        # Equal scores may stand in any order, so boxes are compared by their sum.
        same = int(count[0]) == number and (
            np.allclose(kept_scores[:number], expected.scores, atol=CUT_TOLERANCE)
            and np.allclose(kept_boxes[:number].sum(axis=0), expected.boxes.sum(dim=0), atol=CUT_TOLERANCE * number)
        )
        if not same:
            return False
    return True


def _test_pictures(experiment: Experiment) -> Tensor:
    """Input [B, C, H, W] to compare with: noise, and some validation pictures where they are at hand."""
    spec = experiment.augmentation
    noise = np.random.default_rng(0).uniform(0, 255, (NOISE_PICTURES, spec.channels, spec.height, spec.width))
    pixels = [torch.from_numpy(picture.astype(np.float32) - spec.mean[0]) for picture in noise]
    sources = experiment.dataset.validation or experiment.dataset.train
    paths = sorted(path for source in sources for path in source.images.rglob("*") if path.suffix.lower() in SUFFIXES)
    for path in paths[:REAL_PICTURES]:
        with open_picture(path) as picture:
            pixels.append(fit_top_left(picture, spec)[0])
    return torch.stack(pixels)


def _write_whole(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
