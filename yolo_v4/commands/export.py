"""`yolo_v4 export`: write a model as ONNX, compared with PyTorch before it is written."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor

from yolo_v4.commands.inference import find_pictures
from yolo_v4.data.frames import Frame, read_frames
from yolo_v4.data.letterbox import placed_picture
from yolo_v4.deploy.description import describe
from yolo_v4.deploy.onnx import Candidates, add_suppression, nvinfer_config, trace_candidates
from yolo_v4.deploy.quantise import quantise
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.files import written_whole
from yolo_v4.network.checkpoint import load_model
from yolo_v4.network.device import numerics_class
from yolo_v4.prediction.runtime import by_session, open_session
from yolo_v4.scoring.evaluator import NO_OBJECT, evaluate
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import Experiment
from yolo_v4.status import StatusLog, reported, status_path

TOLERANCES = {"fp32": 1e-3, "fp16": 5e-2}  # of scores, and of boxes as shares of the picture
OWN_NOISE = 10  # times what float32 does to the network itself, where that is more than the tolerance
MOST_LOST_MAP = 0.05
NOISE_PICTURES = 2  # to compare the outputs on, and as many real ones
REAL_PICTURES = 64  # to compare the average precision on
ALL_CORES = 0  # for onnxruntime
REPORT = "report this, with the versions of torch and onnxruntime"
RECALIBRATE = "export fp32, or calibrate int8 with more and better pictures"


def run(args: argparse.Namespace) -> None:
    """Export a model and compare it with PyTorch.

    Raises DetectorError: flags, spec or model are refused, or the exported model differs from the network.
    """
    log = StatusLog(status_path(args.results_dir))
    with reported(log, started="Building exporter object.", failed="Export was interrupted."):
        target = output_file(args.model, args.output_file)
        network, experiment = load_model(args.model, args)
        log.write("RUNNING", "Exporting the model.")
        log.write("RUNNING", "Numerics class told.", data={"numerics": numerics_class(torch.device("cpu"))})
        dtype = torch.float16 if args.data_type == "fp16" else torch.float32
        candidates = Candidates(network.cpu(), experiment, dtype=dtype)
        traced = trace_candidates(candidates, experiment)
        if args.data_type == "int8":
            traced = quantise(traced, _calibration(args, experiment))
        told = describe(experiment, weights=Path(args.model), data_licence=args.data_licence)
        model, facts = _checked_model(candidates, traced, experiment, told, args)
        with written_whole(target) as stream:
            stream.write(model.SerializeToString(deterministic=True))
        if args.gen_ds_config:
            labels = "".join(f"{name}\n" for name in experiment.classes)
            (target.parent / "labels.txt").write_text(labels, encoding="utf-8")
            (target.parent / "nvinfer_config.txt").write_text(nvinfer_config(experiment), encoding="utf-8")
        facts["param_count"] = sum(weight.numel() for weight in network.parameters()) / 1e6
        facts["size"] = target.stat().st_size / 2**20
        # No folder: who asked for it knows which, and a harness moves the file to where it stays.
        print(f"ONNX model saved as {target.name}, {facts['size']:.1f} MiB")
        log.write("SUCCESS", "Export finished successfully.", data=facts)


def output_file(model: str, asked_for: str | None) -> Path:
    """The file to write: the one asked for, or one beside the model.

    As in TAO, `.onnx` is appended to a name that does not end with it.
    Raises DetectorError: the file exists already.
    """
    target = Path(asked_for) if asked_for else Path(model).with_suffix(".onnx")
    if target.suffix != ".onnx":
        target = target.with_name(f"{target.name}.onnx")
    if target.exists():
        raise DetectorError(
            f"Default output file {target} already exists", remedy="remove it, or give another -o"
        )
    return target


def _calibration(args: argparse.Namespace, experiment: Experiment) -> Iterator[Tensor]:
    """Batches of network input, of pictures at equal distances in the list of all."""
    wanted = args.batches * args.batch_size
    if args.cal_image_dir:
        paths = find_pictures(Path(args.cal_image_dir))
    else:
        paths = [frame.image for frame in read_frames(experiment, "train")]
    if not 0 < wanted <= len(paths):
        raise DataError(
            f"Not enough number of images provided: {len(paths)}, and --batches x --batch_size is {wanted}",
            remedy="lower --batches, or name a folder with more pictures with --cal_image_dir",
        )
    chosen = [paths[place * len(paths) // wanted] for place in range(wanted)]
    starts = range(0, wanted, args.batch_size)
    return (_inputs(chosen[start : start + args.batch_size], experiment) for start in starts)


def _inputs(paths: list[Path], experiment: Experiment) -> Tensor:
    """Network input [B, C, H, W] of pictures, placed as in evaluation."""
    return torch.stack([placed_picture(path, experiment.augmentation)[0] for path in paths])


def _checked_model(
    candidates: Candidates,
    traced: onnx.ModelProto,
    experiment: Experiment,
    told: dict[str, str],
    args: argparse.Namespace,
) -> tuple[onnx.ModelProto, dict[str, float]]:
    """The complete model with the metadata `told`, and its mAP and PyTorch's, after both were compared.

    Raises DetectorError: outputs or mAP differ by more than is allowed, or int8 could not be judged.
    """
    frames = _frames(experiment)
    pixels = _compared_pixels(frames, experiment)
    session = open_session(traced.SerializeToString(), threads=ALL_CORES)
    boxes, scores = session.run(None, {"Input": pixels.numpy()})
    model = add_suppression(traced, experiment, told, predictions=boxes.shape[1])
    difference = _largest_difference(boxes, scores, candidates, pixels)
    print(f"Largest difference between ONNX and PyTorch on {len(pixels)} pictures: {difference:.2g}")
    facts = _average_precisions(candidates, model, frames, experiment) if frames else {}
    if args.data_type == "int8" and not facts.get("mAP_torch") and not args.force:
        raise DetectorError(
            "int8 can only be judged by its mAP on validation frames, and "
            f"{_why_unjudged(frames, facts)}: it was not written",
            remedy="correct validation_data_sources, export fp16, or write it unjudged with --force",
        )
    lost = facts.get("mAP_torch", 0.0) - facts.get("mAP_onnx", 0.0)
    allowed = TOLERANCES.get(args.data_type, np.inf)
    if difference > allowed and args.data_type == "fp32":
        allowed = max(allowed, OWN_NOISE * _own_noise(candidates, experiment, pixels))
        print(f"float32 alone lets this network differ by {allowed / OWN_NOISE:.2g} from float64", flush=True)
    if not difference <= allowed or lost > MOST_LOST_MAP:  # NaN is no small difference
        remedy = REPORT if args.data_type == "fp32" else RECALIBRATE
        raise DetectorError(
            f"the exported model differs from the network by {difference:.2g} "
            f"and loses {lost:.3f} of mAP, and was not written",
            remedy=remedy,
        )
    return model, facts


def _why_unjudged(frames: list[Frame], facts: dict[str, float]) -> str:
    if not frames:
        return "there are none"
    return "the network finds nothing right on them" if facts else "none of them has an object"


def _compared_pixels(frames: list[Frame], experiment: Experiment) -> Tensor:
    """Network input of noise and, where there are frames, of as many of their pictures."""
    spec = experiment.augmentation
    shape = (NOISE_PICTURES, spec.channels, spec.height, spec.width)
    noise = np.random.default_rng(0).uniform(0, 255, shape)
    pixels = torch.from_numpy(noise.astype(np.float32) - spec.mean[0])
    if not frames:
        return pixels
    return torch.cat((pixels, _inputs([frame.image for frame in frames[:NOISE_PICTURES]], experiment)))


def _largest_difference(
    boxes: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    candidates: Candidates,
    pixels: Tensor,
) -> float:
    """The largest difference of boxes [B, N, 4] and scores [B, C, N] from those of PyTorch.

    A corner outside the picture may be far away, so its difference is divided by its distance. NaN where a
    number is not finite.
    """
    with torch.inference_mode():
        torch_boxes, torch_scores = (part.numpy() for part in candidates(pixels))
    of_boxes = np.abs(boxes - torch_boxes) / np.maximum(1.0, np.abs(torch_boxes))
    of_scores = np.abs(scores - torch_scores)
    return float(np.maximum(of_boxes.max(), of_scores.max()))  # NaN where one is


def _own_noise(candidates: Candidates, experiment: Experiment, pixels: Tensor) -> float:
    """The largest difference between the network in float32 and in float64."""
    exact = Candidates(candidates.original, experiment, dtype=torch.float64)
    with torch.inference_mode():
        boxes, scores = (part.numpy() for part in exact(pixels))
    return _largest_difference(boxes, scores, candidates, pixels)


def _average_precisions(
    candidates: Candidates, model: onnx.ModelProto, frames: list[Frame], experiment: Experiment
) -> dict[str, float]:
    find = by_session(open_session(model.SerializeToString(), threads=ALL_CORES))

    def find_by_onnx(pixels: Tensor, _: object) -> list[Detections]:
        return find(pixels)

    def find_by_torch(pixels: Tensor, _: object) -> list[Detections]:
        return detections(predict(candidates.original, pixels, experiment), experiment.nms)

    by_torch = evaluate(find_by_torch, frames, experiment).map_present
    by_onnx = evaluate(find_by_onnx, frames, experiment).map_present
    if by_torch is None or by_onnx is None:
        print(f"no mAP to compare: {NO_OBJECT}", flush=True)
        return {}
    print(
        f"mAP on {len(frames)} frames of validation_data_sources: PyTorch {by_torch:.4f}, ONNX {by_onnx:.4f}",
        flush=True,
    )
    return {"mAP_torch": by_torch, "mAP_onnx": by_onnx}


def _frames(experiment: Experiment) -> list[Frame]:
    """Validation frames to compare on; none, with a message, where they cannot be read."""
    try:
        return read_frames(experiment, "validation")[:REAL_PICTURES]
    except (DataError, OSError) as error:
        print(f"compared on noise alone, for want of validation frames: {error}", flush=True)
        return []
