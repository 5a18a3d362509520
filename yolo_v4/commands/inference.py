"""`yolo_v4 inference`: detect objects in pictures; annotated pictures and KITTI labels."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from yolo_v4.commands.model import counted, load_model, say_ignored
from yolo_v4.data.ahead import read_ahead
from yolo_v4.data.kitti import format_line
from yolo_v4.data.letterbox import Fit, fit_top_left
from yolo_v4.data.picture_file import open_picture
from yolo_v4.deploy.annotate import annotate
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.detect import detect
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment
from yolo_v4.status import StatusLog, reported, status_path
from yolo_v4.training.phases import Phases

SUFFIXES = (".jpg", ".jpeg", ".png")  # in capitals too
JPEG_QUALITY = 95


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """Folders to write into; None: not wanted."""

    annotated: Path | None
    labels: Path | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A decoded picture and its network input."""

    path: Path
    picture: Image.Image
    pixels: Tensor  # [C, H, W]
    fit: Fit


def run(args: argparse.Namespace) -> None:
    """Detect and write.

    Raises:
        DetectorError: flags, spec, model or GPU that are not what they should be; pictures that cannot be read,
            after all others are done.
    """
    log = StatusLog(status_path(args.results_dir))
    phases = Phases(log)
    with reported(log, started="Starting YOLOv4 inference.", failed="Inference was interrupted."):
        say_ignored(args)
        outputs = _outputs(args)
        if not 0 < args.threshold < 1:
            raise DetectorError(f"--threshold is {args.threshold}, expected a number between 0 and 1", remedy="-t 0.3")
        paths = find_pictures(Path(args.image_dir))
        network, experiment = load_model(args.model_path, args.experiment_spec, args.gpu_index)
        problems: list[str] = []
        batches = read_ahead(partial(_open_all, experiment), paths, experiment.evaluation.batch_size)
        with counted(len(paths), "Processing images") as progress, phases.phase("inference"):
            for batch in phases.steps(batches):
                problems += [one for one in batch if isinstance(one, str)]
                opened = [one for one in batch if isinstance(one, Opened)]
                _infer(network, opened, experiment, outputs, args.threshold)
                progress(len(batch))
        if problems:
            raise DataError(
                "\n  ".join([f"{len(problems)} of {len(paths)} pictures could not be read:", *problems]),
                remedy="replace or remove them; the others are done",
            )
        log.write("SUCCESS", "Inference finished successfully.")


def find_pictures(path: Path) -> list[Path]:
    """The picture at `path`, or those directly in that folder, by name.

    Raises:
        DataError: nothing there.
    """
    if path.is_file():
        return [path]
    found = sorted(p for p in path.glob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not found:
        what = "holds no" if path.is_dir() else "is no folder or picture; expected"
        raise DataError(f"{path} {what} .jpg, .jpeg or .png files", remedy="give -i a picture or a folder of pictures")
    return found


def _outputs(args: argparse.Namespace) -> Outputs:
    results = Path(args.results_dir) if args.results_dir else None
    annotated = args.out_image_path or (results and results / "images_annotated")
    labels = args.out_label_path or (results and results / "labels")
    if not annotated and not labels:
        raise DetectorError(
            "nowhere to write: neither -r nor -o or -l is given",
            remedy="-r FOLDER for images_annotated/ and labels/ in it, or -o and -l with a folder each",
        )
    for folder in filter(None, (annotated, labels)):
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Outputs(annotated=Path(annotated) if annotated else None, labels=Path(labels) if labels else None)


def _open_all(experiment: Experiment, paths: Sequence[Path]) -> list[Opened | str]:
    """Pictures, or what is wrong with one."""
    return [_open(path, experiment) for path in paths]


def _open(path: Path, experiment: Experiment) -> Opened | str:
    try:
        with open_picture(path) as picture:
            picture.load()
    except DataError as error:
        return error.message
    except (OSError, ValueError, SyntaxError) as error:
        return f"{path} cannot be decoded: {error}"
    pixels, fit = fit_top_left(picture, experiment.augmentation)
    return Opened(path=path, picture=picture, pixels=pixels, fit=fit)


def _infer(network: Yolo, inputs: Sequence[Opened], experiment: Experiment, outputs: Outputs, threshold: float) -> None:
    if not inputs:
        return
    pixels = torch.stack([one.pixels for one in inputs])
    size = torch.tensor((experiment.augmentation.width, experiment.augmentation.height)).repeat(2)
    for one, found in zip(inputs, detect(network, pixels, experiment), strict=True):
        wanted = found.scores >= threshold
        boxes = one.fit.to_picture(found.boxes[wanted] * size)
        _write(one, Detections(boxes, found.scores[wanted], found.classes[wanted]), experiment.classes, outputs)


def _write(one: Opened, found: Detections, classes: Sequence[str], outputs: Outputs) -> None:
    """Write the outputs of one picture; boxes in its pixels."""
    names = [classes[class_id] for class_id in found.classes.tolist()]
    if outputs.labels is not None:
        rows = zip(names, found.boxes.tolist(), found.scores.tolist(), strict=True)
        text = "".join(format_line(name, box, score) + "\n" for name, box, score in rows)
        (outputs.labels / f"{one.path.stem}.txt").write_text(text, encoding="ascii")
    if outputs.annotated is not None:
        labels = [f"{name}: {score:.2f}" for name, score in zip(names, found.scores.tolist(), strict=True)]
        boxes = [(x1, y1, x2, y2) for x1, y1, x2, y2 in found.boxes.tolist()]
        drawn = annotate(one.picture, boxes, labels, found.classes.tolist())
        drawn.save(outputs.annotated / one.path.name, quality=JPEG_QUALITY)
