"""`yolo_v4 inference`: detect objects in pictures; annotated pictures and KITTI labels."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from yolo_v4.data.batches import ahead
from yolo_v4.data.by_picture import by_picture
from yolo_v4.data.kitti import format_line
from yolo_v4.data.letterbox import Fit, fit_top_left
from yolo_v4.data.picture_file import INFERENCE_SUFFIXES, PREDICT_SUFFIXES, decoded_picture, one_large
from yolo_v4.deploy.annotate import annotate
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.network.checkpoint import load_model
from yolo_v4.network.computing import tell_computing
from yolo_v4.network.device import memory_explained
from yolo_v4.phases import Phases
from yolo_v4.prediction.detector import looking_from
from yolo_v4.prediction.runtime import Find, make_finder
from yolo_v4.progress import Progress
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment
from yolo_v4.status import StatusLog, reported, status_path

JPEG_QUALITY = 95
MOST_NAMED = 5  # of files that are passed over


class Opened(NamedTuple):
    """A decoded picture and its network input."""

    path: Path
    picture: Image.Image
    pixels: Tensor  # [C, H, W]
    fit: Fit


class Folders(NamedTuple):
    """Where to write; None: not wanted."""

    annotated: Path | None  # pictures
    labels: Path | None


def run(args: argparse.Namespace) -> None:
    """Detect objects in pictures and write the results.

    Raises DetectorError: flags, spec or model are refused; or pictures could not be read, after the others
    are done.
    """
    log = StatusLog(status_path(args.results_dir))
    phases = Phases(log)
    with reported(log, started="Starting YOLOv4 inference.", failed="Inference was interrupted."):
        folders = _make_folders(args)
        if not 0 < args.threshold < 1:
            raise DetectorError(
                f"--threshold is {args.threshold}, expected a number between 0 and 1", remedy="-t 0.3"
            )
        paths = _pictures(Path(args.image_dir), folders)
        network, experiment = load_model(args.model_path, args)
        experiment = looking_from(args.threshold, experiment)
        finder = make_finder(network, experiment, pictures=len(paths), asked_for=args.runtime)
        tell_computing(log, network, experiment.augmentation, runtime=finder.runtime)
        print(f"computed by {finder.told}", flush=True)
        worker = Worker(finder.find, experiment, folders, label_names(paths), args.threshold)
        problems: list[str] = []
        size = experiment.evaluation.batch_size
        batches = [paths[first : first + size] for first in range(0, len(paths), size)]
        with (
            memory_explained("batch_size of eval_config", size),
            Progress(len(paths), "Processing images") as progress,
            phases.phase("inference"),
        ):
            for batch in worker.run(batches, workers=finder.workers, steps=phases.steps):
                problems += filter(None, batch)
                progress.advance(len(batch))
        if problems:
            raise DataError(
                "\n  ".join([f"{len(problems)} of {len(paths)} pictures could not be read:", *problems]),
                remedy="replace or remove them; the others are done",
            )
        _tell_places(folders)
        log.write("SUCCESS", "Inference finished successfully.")


def _pictures(given: Path, folders: Folders) -> list[Path]:
    paths = find_pictures(given)
    _keep_originals(paths, folders)
    _tell_passed_over(given, paths)
    return paths


def find_pictures(path: Path) -> list[Path]:
    """The picture at `path`, or those directly in that folder, by name; not the shadows that macOS adds.

    Raises DataError: there is none, or its ending is that of no picture, which decides how one is written.
    """
    if path.is_file():
        if path.suffix.lower() not in PREDICT_SUFFIXES:
            raise DataError(
                f"{path} is called as no picture is; expected one of {', '.join(PREDICT_SUFFIXES)}",
                remedy="give it the ending of its format",
            )
        return [path]
    named = (each for each in path.glob("*") if each.suffix.lower() in INFERENCE_SUFFIXES)
    found = sorted(each for each in named if each.is_file() and not each.name.startswith("._"))
    if not found:
        what = "holds no" if path.is_dir() else "is no folder or picture; expected"
        raise DataError(
            f"{path} {what} .jpg, .jpeg or .png files", remedy="give -i a picture or a folder of pictures"
        )
    return found


def _tell_passed_over(given: Path, paths: Sequence[Path]) -> None:
    """As in TAO only some endings are taken, and no folders within a folder."""
    there = {path.name + "/" * path.is_dir() for path in given.glob("[!.]*")}
    others = [ascii(name) for name in sorted(there - {path.name for path in paths})]
    if given.is_dir() and others:
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        print(
            f"note: {', '.join(others[:MOST_NAMED])}{more} passed over: "
            f"only {', '.join(INFERENCE_SUFFIXES)} directly in {given} are taken",
            file=sys.stderr,
            flush=True,
        )


def _tell_places(folders: Folders) -> None:
    places = [("annotated pictures", folders.annotated), ("labels", folders.labels)]
    print("; ".join(f"{what} are in {folder}" for what, folder in places if folder), flush=True)


def label_names(paths: Sequence[Path]) -> dict[Path, str]:
    """The label file of each picture: `a.txt` of `a.jpg` as in TAO, or `a.jpg.txt` where there is `a.png`."""
    stems = Counter(path.stem for path in paths)
    names = {path.name for path in paths}
    return {
        path: f"{path.stem if stems[path.stem] == 1 and path.stem not in names else path.name}.txt"
        for path in paths
    }


def _keep_originals(paths: Sequence[Path], folders: Folders) -> None:
    """Refuse to write an annotated picture over a picture that is read."""
    if folders.annotated is None:
        return
    originals = {(path.stat().st_dev, path.stat().st_ino) for path in paths}
    for path in paths:
        target = folders.annotated / path.name
        if target.exists() and (target.stat().st_dev, target.stat().st_ino) in originals:
            raise DetectorError(
                f"annotated pictures would be written over the originals: {target} is one of them",
                remedy="-o with another folder than that of -i",
            )


def _make_folders(args: argparse.Namespace) -> Folders:
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
    return Folders(
        annotated=Path(annotated) if annotated else None,
        labels=Path(labels) if labels else None,
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """Looks at pictures and writes the detections with a score of at least `threshold`."""

    find: Find
    experiment: Experiment
    folders: Folders
    labels: Mapping[Path, str]  # names of label files
    threshold: float

    def run(
        self,
        batches: Sequence[Sequence[Path]],
        *,
        workers: int,
        steps: Callable[[Iterable[Any]], Iterator[Any]],
    ) -> Iterator[list[str]]:
        """For each picture of each batch why it cannot be read, or ""; arguments as of `look_at`."""
        if workers:
            yield from by_picture(self._alone, batches, workers=workers, steps=steps)
            return
        for opened in steps(ahead(lambda batch: [self._open(path) for path in batch], batches)):
            yield self._look(opened)

    def _alone(self, path: Path) -> str:
        try:
            with one_large(path):
                return self._look([self._open(path)])[0]
        except DataError as error:
            return error.message

    def _open(self, path: Path) -> Opened | str:
        """A picture, or the message of the error where it cannot be read."""
        try:
            picture = decoded_picture(path)
        except DataError as error:
            return error.message
        pixels, fit = fit_top_left(picture, self.experiment.augmentation)
        return Opened(path, picture, pixels, fit)

    def _look(self, batch: Sequence[Opened | str]) -> list[str]:
        opened = [result for result in batch if isinstance(result, Opened)]
        if opened:
            every = self.find(torch.stack([one.pixels for one in opened]))
            for one, found in zip(opened, every, strict=True):
                self._write(one, found)
        return [result if isinstance(result, str) else "" for result in batch]

    def _write(self, opened: Opened, found: Detections) -> None:
        spec = self.experiment.augmentation
        is_shown = found.scores >= self.threshold
        boxes = opened.fit.to_picture(
            found.boxes[is_shown] * torch.tensor((spec.width, spec.height) * 2)
        ).tolist()
        scores = found.scores[is_shown].tolist()
        classes = found.classes[is_shown].tolist()
        names = [self.experiment.classes[class_id] for class_id in classes]
        if self.folders.labels is not None:
            lines = [f"{line}\n" for line in map(format_line, names, boxes, scores)]
            path = self.folders.labels / self.labels[opened.path]
            path.write_text("".join(lines), encoding="utf-8")
        if self.folders.annotated is not None:
            texts = [f"{name}: {score:.2f}" for name, score in zip(names, scores, strict=True)]
            drawn = annotate(opened.picture, [tuple(box) for box in boxes], texts, classes)
            drawn.save(self.folders.annotated / opened.path.name, quality=JPEG_QUALITY)
