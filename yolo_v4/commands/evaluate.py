"""`yolo_v4 evaluate`: average precision of a model on the validation data of a spec."""

import argparse
import sys
from pathlib import Path
from typing import Any

from yolo_v4.data.batches import Truth
from yolo_v4.data.frames import read_frames
from yolo_v4.network.checkpoint import load_model
from yolo_v4.network.computing import tell_computing
from yolo_v4.network.device import memory_explained
from yolo_v4.phases import Phases
from yolo_v4.prediction.runtime import make_finder
from yolo_v4.progress import Progress
from yolo_v4.scoring.detection_file import NAME, write_detections
from yolo_v4.scoring.evaluator import NO_OBJECT, Metrics, ap_table, look_at, measure
from yolo_v4.scoring.nms import Detections
from yolo_v4.spec.experiment import Experiment
from yolo_v4.status import StatusLog, reported, status_path


def run(args: argparse.Namespace) -> None:
    """Evaluate a model, print TAO's table and write the results into status.json.

    Raises DetectorError: the spec, the model or a frame is refused, or there is no such GPU.
    """
    log = StatusLog(status_path(args.results_dir))
    phases = Phases(log)
    with reported(log, started="Starting YOLOv4 evaluation.", failed="Evaluation was interrupted."):
        network, experiment = load_model(args.model_path, args)
        spec = experiment.evaluation
        _say_ignored(experiment)
        frames = read_frames(experiment, "validation")
        finder = make_finder(network, experiment, pictures=len(frames), asked_for=args.runtime)
        tell_computing(log, network, experiment.augmentation, runtime=finder.runtime)
        print(f"Using {args.model_path} for inference, batch size {spec.batch_size} from eval_config")
        print(f"computed by {finder.told}", flush=True)
        seen: list[Truth] = []
        found: list[Detections] = []
        with (
            memory_explained("batch_size of eval_config", spec.batch_size),
            Progress(len(frames), "Producing predictions") as progress,
            phases.phase("evaluation"),
        ):
            for truths, detections in look_at(
                frames,
                lambda pixels, _: finder.find(pixels),
                experiment,
                workers=finder.workers,
                steps=phases.steps,
            ):
                progress.advance(len(truths))
                seen += truths
                found += detections
            metrics = measure(seen, found, experiment)
        if args.results_dir:
            write_detections(Path(args.results_dir) / NAME, frames, seen, found, experiment)
        _print_table(metrics)
        log.write("SUCCESS", "Evaluation finished successfully.", kpi=figures(metrics, experiment))


def _say_ignored(experiment: Experiment) -> None:
    if experiment.evaluation.plot_precision_recall:
        print("note: visualize_pr_curve has no effect here", file=sys.stderr, flush=True)


def _print_table(metrics: Metrics) -> None:
    print("Start to calculate AP for each class")
    print(ap_table(metrics), flush=True)
    if metrics.map_present is None:
        print(f"note: {NO_OBJECT}; the table has 0 in its place, as TAO's", file=sys.stderr, flush=True)


def figures(metrics: Metrics, experiment: Experiment) -> dict[str, Any]:
    """The results of an evaluation in status.json; average precisions are between 0 and 1."""
    return {
        "mAP": metrics.map_tao,
        "mAP_present": metrics.map_present,
        "AP": dict(metrics.ap),
        "boxes": dict(metrics.boxes),
        "images": metrics.images,
        "iou_threshold": experiment.evaluation.matching_iou,
    }
