"""`yolo_v4 evaluate`: average precision of a model on the validation data of a spec."""

import argparse
from pathlib import Path
from typing import Any

from yolo_v4.commands.model import counted, load_model, say_ignored
from yolo_v4.data.frames import read_frames
from yolo_v4.scoring.evaluator import Metrics, ap_table, evaluate_network
from yolo_v4.scoring.plot import import_pyplot, plot_curves
from yolo_v4.spec.experiment import Experiment
from yolo_v4.status import StatusLog, reported, status_path
from yolo_v4.training.phases import Phases


def run(args: argparse.Namespace) -> None:
    """Evaluate, print TAO's table and write the figures into status.json.

    Raises:
        DetectorError: a spec, model, frame or GPU that is not what it should be.
    """
    log = StatusLog(status_path(args.results_dir))
    phases = Phases(log)
    with reported(log, started="Starting YOLOv4 evaluation.", failed="Evaluation was interrupted."):
        say_ignored(args)
        network, experiment = load_model(args.model_path, args.experiment_spec, args.gpu_index)
        if experiment.evaluation.plot_precision_recall:
            import_pyplot()  # fails before the work, not after it
        frames = read_frames(experiment, "validation")
        batch_size = experiment.evaluation.batch_size
        print(f"Using {args.model_path} for inference, batch size {batch_size} from eval_config")
        with counted(len(frames), "Producing predictions") as progress, phases.phase("evaluation"):
            metrics = evaluate_network(network, frames, experiment, progress=progress, steps=phases.steps)
        print("Start to calculate AP for each class")
        print(ap_table(metrics), flush=True)
        if experiment.evaluation.plot_precision_recall:
            plot = Path(args.model_path).parent / "PR_curve.png"
            plot_curves(metrics, plot)
            print(f"PR-curve image saved to {plot}")
        log.write("SUCCESS", "Evaluation finished successfully.", kpi=figures(metrics, experiment))


def figures(metrics: Metrics, experiment: Experiment) -> dict[str, Any]:
    """What status.json says of an evaluation; average precisions are shares, 0..1."""
    return {
        "mAP": metrics.map_tao,
        "mAP_present": metrics.map_present,
        "AP": dict(metrics.ap),
        "boxes": dict(metrics.boxes),
        "images": metrics.images,
        "iou_threshold": experiment.evaluation.matching_iou,
    }
