"""`yolo_v4 train`: weights, CSV log and status.json of a training run."""

import argparse
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

import torch
from torch import Tensor

from yolo_v4.data.batches import TrainingBatches, Truth, encode
from yolo_v4.data.frames import Frame, read_frames
from yolo_v4.data.targets import Target
from yolo_v4.errors import DataError
from yolo_v4.network.checkpoint import load_same
from yolo_v4.network.device import choose_device, memory_explained, mixed_precision
from yolo_v4.network.pretrained import starting_network
from yolo_v4.network.yolo import Yolo
from yolo_v4.phases import Phases
from yolo_v4.progress import Progress
from yolo_v4.scoring.evaluator import ap_table, evaluate
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import check_training
from yolo_v4.status import StatusLog, reported, status_path
from yolo_v4.training.distributed import Place, is_member, joined, launch
from yolo_v4.training.loop import Judge, Outputs, train
from yolo_v4.training.loss import yolo_loss
from yolo_v4.training.trainer import Trainer
from yolo_v4.training.visualizer import Visualizer

GPU_WORKERS = 4  # threads that prepare batches for a GPU; a CPU that trains spares one


def run(args: argparse.Namespace) -> None:
    """Train as the spec says, in one process or, with `--gpus N` or under torchrun, in several.

    Raises DetectorError: spec, frames or weights are refused, no such GPU, a loss that is no number, too little memory.
    """
    path = status_path(args.results_dir)
    if args.gpus > 1 and not is_member():
        with reported(StatusLog(path), started=None, failed="Training was interrupted."):
            choose_device(args.gpu_index, gpus=args.gpus)
            launch(args.argv, args.gpus)
        return
    speaks = not is_member() or os.environ["RANK"] == "0"
    log = StatusLog(path if speaks else None)
    phases = Phases(log)
    with (
        reported(log, started="Starting Yolo_V4 Training job", failed="Training was interrupted."),
        redirect_stdout(sys.stdout if speaks else None),
    ):
        device = choose_device(
            args.gpu_index, gpus=args.gpus, local_rank=int(os.environ.get("LOCAL_RANK", "0"))
        )
        experiment = load_experiment(Path(args.experiment_spec_file))
        check_training(experiment)
        with memory_explained("batch_size_per_gpu", experiment.training.batch_size), joined(device) as place:
            _train(experiment, device, place, args, log, phases)
        log.write("SUCCESS", "YOLO_V4 training finished successfully.")


def _train(
    experiment: Experiment,
    device: torch.device,
    place: Place,
    args: argparse.Namespace,
    log: StatusLog,
    phases: Phases,
) -> None:
    results, speaks = Path(args.results_dir), place.rank == 0
    frames, validation = read_frames(experiment, "train"), read_frames(experiment, "validation")
    if not any(len(frame.boxes) for frame in frames):
        message = (
            f"none of the {len(frames)} training frames has an object of {', '.join(experiment.classes)}"
        )
        raise DataError(message, remedy="compare target_class_mapping with the class names in the labels")
    on_gpu = device.type == "cuda"
    where = torch.cuda.get_device_name(device) if on_gpu else f"the CPU ({torch.get_num_threads()} threads)"
    several = f", {place.ranks} processes" if place.ranks > 1 else ""
    print(
        f"{len(frames)} frames to train on, {len(validation)} to validate with, on {where}{several}",
        flush=True,
    )
    precision = mixed_precision(device) if args.use_amp else torch.float32
    if args.use_amp:
        print(f"--use_amp: convolutions compute in {str(precision).removeprefix('torch.')}", flush=True)
    workers = GPU_WORKERS if on_gpu else 1
    batches = TrainingBatches(
        frames, experiment, device=device, workers=workers, rank=place.rank, ranks=place.ranks
    )
    resume_path = experiment.training.resume_path
    resumed = load_same(resume_path, experiment, release=args.network_release) if resume_path else None
    network, fresh = starting_network(experiment, release=args.network_release)
    if experiment.training.pretrain_path is not None:
        taken = f"new weights for {', '.join(fresh)}" if fresh else "all layers taken over"
        print(f"Starting from {experiment.training.pretrain_path}: {taken}", flush=True)
    trainer = Trainer(
        network.to(device),
        experiment,
        steps_per_epoch=batches.steps_per_epoch,
        precision=precision,
        place=place,
    )
    if resumed is not None:
        trainer.resume(resumed)
        print(f"Resuming after epoch {trainer.epochs_done} of {experiment.training.epochs}", flush=True)
    if speaks:
        (results / "weights").mkdir(parents=True, exist_ok=True)
        (results / "model_output_labels.txt").write_text("\n".join(experiment.classes), encoding="utf-8")
    log.write("STARTED", "Starting Training Loop.")
    model = f"{experiment.network.arch}{experiment.network.layers}"
    outputs, history = (
        Outputs(results=results, model=model, speaks=speaks),
        resumed.history if resumed else [],
    )
    board = Visualizer(results / "logs" if speaks else None, experiment, resumed=resumed is not None)
    judge = _judge(validation, experiment)
    train(
        trainer,
        batches,
        experiment,
        board,
        judge=judge,
        outputs=outputs,
        log=log,
        phases=phases,
        history=history,
    )
    log.write("RUNNING", "Training loop complete.")


def _judge(frames: list[Frame], experiment: Experiment) -> Judge:
    def judge(network: Yolo) -> dict[str, float]:
        losses: list[float] = []  # of each batch, times its pictures

        def find(pixels: Tensor, truths: list[Truth]) -> list[Detections]:
            rows = predict(network, pixels, experiment)
            encoded = encode(
                [truth.boxes for truth in truths], [truth.classes for truth in truths], experiment
            )
            target = Target.of(encoded).to(rows.device)
            losses.append(float(yolo_loss(target, rows, experiment.network).total) * len(rows))
            progress.advance(len(rows))
            return detections(rows, experiment.nms)

        with Progress(len(frames), "Producing predictions") as progress:
            metrics = evaluate(find, frames, experiment)
        loss = sum(losses) / len(frames)
        print(ap_table(metrics), f"Validation loss: {loss}", "", sep="\n", flush=True)
        ap = {f"AP_{name}": value for name, value in metrics.ap.items() if value is not None}
        return {"mAP": metrics.map_tao, "validation_loss": loss, **ap}

    return judge
