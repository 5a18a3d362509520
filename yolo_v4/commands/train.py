"""`yolo_v4 train`: weights, CSV log and status.json of a training run."""

import argparse
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from yolo_v4.data.batches import TrainingBatches, Truth, encode
from yolo_v4.data.frames import Frame, Split, dropped_in_words, read_frames
from yolo_v4.data.targets import TrueBoxes
from yolo_v4.errors import DataError, SpecError
from yolo_v4.files import remove_half_written
from yolo_v4.network.checkpoint import Checkpoint, load_same
from yolo_v4.network.computing import tell_computing
from yolo_v4.network.device import choose_device, memory_explained
from yolo_v4.network.number_format import AUTO, DTYPES, Choice, choose
from yolo_v4.network.pretrained import starting_network
from yolo_v4.network.yolo import Yolo
from yolo_v4.phases import Phases
from yolo_v4.progress import Progress
from yolo_v4.scoring.evaluator import NO_OBJECT, Metrics, ap_table, evaluate, look_at
from yolo_v4.scoring.nms import Detections, detections, predict
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import check_training
from yolo_v4.status import StatusLog, reported, status_path
from yolo_v4.training.distributed import Place, is_member, joined, of_first, told_place
from yolo_v4.training.gpu_choices import choose_convolutions
from yolo_v4.training.launch import end_with_launcher, launch
from yolo_v4.training.loop import Judge, Outputs, train
from yolo_v4.training.loss import yolo_loss
from yolo_v4.training.trainer import Trainer
from yolo_v4.training.visualizer import Visualizer

GPU_WORKERS = 4  # threads that prepare batches for a GPU
CPU_WORKERS = 1  # the other cores train


def run(args: argparse.Namespace) -> None:
    """Train as the spec says, in one process or, with `--gpus N` or under torchrun, in several.

    Raises DetectorError: the spec, the frames or the weights are refused; a GPU that was asked for is not
    there; a loss is not a finite number; memory runs out.
    """
    status_file = status_path(args.results_dir)
    if args.gpus > 1 and not is_member():
        with reported(StatusLog(status_file), started=None, failed="Training was interrupted."):
            choose_device(args.gpu_index, gpus=args.gpus)
            launch(args.argv, args.gpus)
        return
    end_with_launcher()
    place = told_place()
    is_first = place.rank == 0
    log = StatusLog(status_file if is_first else None)
    phases = Phases(log)
    with (
        reported(log, started="Starting Yolo_V4 Training job", failed="Training was interrupted."),
        redirect_stdout(sys.stdout if is_first else None),
    ):
        device = choose_device(args.gpu_index, gpus=args.gpus, local_rank=place.local_rank)
        experiment = load_experiment(Path(args.experiment_spec_file))
        check_training(experiment, release=args.network_release)
        _require_start(experiment)
        with memory_explained("batch_size_per_gpu", experiment.training.batch_size), joined(place, device):
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
    frames, validation = _read(experiment, "train"), _read(experiment, "validation")
    _require_objects(frames, experiment)
    _print_data(len(frames), len(validation), device, place)
    choose_convolutions(experiment.augmentation)
    network, resumed = _make_network(experiment, device, release=args.network_release)
    choice = _choose_numbers(args, network, experiment, place, resumed)
    precision = DTYPES[choice.number_format]
    batches = _make_batches(frames, experiment, device, place)
    trainer = Trainer(
        network, experiment, steps_per_epoch=batches.steps_per_epoch, precision=precision, place=place
    )
    _resume(trainer, resumed, experiment)
    outputs = _prepare_outputs(Path(args.results_dir), experiment, place)
    tell_computing(
        log, network, experiment.augmentation, precision=precision, trains=True, numbers=choice.words
    )
    log.write("STARTED", "Starting Training Loop.")
    train(
        trainer,
        batches,
        experiment,
        _make_visualizer(Path(args.results_dir), experiment, place),
        judge=_make_judge(validation, experiment),
        outputs=outputs,
        log=log,
        phases=phases,
        history=resumed.history if resumed else [],
    )
    log.write("RUNNING", "Training loop complete.")


def _resume(trainer: Trainer, checkpoint: Checkpoint | None, experiment: Experiment) -> None:
    if checkpoint is not None:
        trainer.resume(checkpoint)
        print(f"Resuming after epoch {trainer.epochs_done} of {experiment.training.epochs}", flush=True)


def _require_start(experiment: Experiment) -> None:
    start = experiment.training.pretrain_path
    if start is not None and not start.is_file():
        raise SpecError(
            f"pretrain_model_path names {start}, and there is no such file",
            remedy="correct pretrain_model_path, or remove its line to train from scratch",
        )


def _read(experiment: Experiment, split: Split) -> list[Frame]:
    dropped: Counter[str] = Counter()
    frames = read_frames(experiment, split, dropped=dropped)
    if said := dropped_in_words(dropped, split):
        print(said, flush=True)
    return frames


def _require_objects(frames: list[Frame], experiment: Experiment) -> None:
    if not any(len(frame.boxes) for frame in frames):
        classes = ", ".join(experiment.classes)
        raise DataError(
            f"none of the {len(frames)} training frames has an object of {classes}",
            remedy="compare target_class_mapping with the class names in the labels",
        )


def _print_data(training_frames: int, validation_frames: int, device: torch.device, place: Place) -> None:
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    else:
        where = f"the CPU ({torch.get_num_threads()} threads)"
    if place.ranks > 1:
        where += f", {place.ranks} processes"
    print(
        f"{training_frames} frames to train on, {validation_frames} to validate with, on {where}", flush=True
    )


def _choose_numbers(
    args: argparse.Namespace, network: Yolo, experiment: Experiment, place: Place, resumed: Checkpoint | None
) -> Choice:
    """The number format of all processes; the first one chooses it, and says why."""
    asked = args.numbers or (AUTO if args.use_amp else "fp32")
    begun_in = resumed.number_format if resumed else ""
    device = next(network.parameters()).device
    choice = Choice(number_format="fp32", words="")
    if place.rank == 0:
        choice = choose(asked, network, experiment, device, begun_in=begun_in, say=partial(print, flush=True))
    if asked != "fp32" or begun_in not in ("", "fp32"):
        print(f"numbers: {choice.words}", flush=True)
    names = [*DTYPES]
    return replace(choice, number_format=names[of_first(names.index(choice.number_format), device)])


def _make_batches(
    frames: list[Frame], experiment: Experiment, device: torch.device, place: Place
) -> TrainingBatches:
    return TrainingBatches(
        frames,
        experiment,
        device=device,
        workers=GPU_WORKERS if device.type == "cuda" else CPU_WORKERS,
        rank=place.rank,
        ranks=place.ranks,
    )


def _make_network(
    experiment: Experiment, device: torch.device, *, release: str
) -> tuple[Yolo, Checkpoint | None]:
    """The network on its device, with fresh or pretrained weights, and the checkpoint to resume, if any."""
    spec = experiment.training
    resumed = load_same(spec.resume_path, experiment, release=release) if spec.resume_path else None
    network, fresh_layers = starting_network(experiment, release=release)
    if spec.pretrain_path is not None:
        taken = f"new weights for {', '.join(fresh_layers)}" if fresh_layers else "all layers taken over"
        print(f"Starting from {spec.pretrain_path}: {taken}", flush=True)
    return network.to(device), resumed


def _prepare_outputs(results: Path, experiment: Experiment, place: Place) -> Outputs:
    """The outputs of the run; makes the folder of the weights and writes the file of the class names."""
    is_first = place.rank == 0
    if is_first:
        (results / "weights").mkdir(parents=True, exist_ok=True)
        # A checkpoint that a kill cut off is as large as a whole one.
        remove_half_written(results / "weights")
        labels = results / "model_output_labels.txt"
        labels.write_text("\n".join(experiment.classes), encoding="utf-8")
    return Outputs(
        results=results,
        model=f"{experiment.network.arch}{experiment.network.layers}",
        is_first_process=is_first,
    )


def _make_visualizer(results: Path, experiment: Experiment, place: Place) -> Visualizer:
    return Visualizer(
        results / "logs" if place.rank == 0 else None,
        experiment,
        resumed=experiment.training.resume_path is not None,
    )


def _make_judge(frames: list[Frame], experiment: Experiment) -> Judge:
    """A function that evaluates a network on validation frames: average precisions and the mean loss.

    Precision is that of the size of inference. The loss is a sum over the cells of the grids, so it is taken
    at the size of training, where it can be compared with that of the training frames.
    """
    looked = experiment.for_inference()  # itself, unless there is another size
    passes = 1 if looked is experiment else 2
    sources = experiment.dataset.validation or experiment.dataset.train

    def judge(network: Yolo) -> dict[str, float]:
        losses: list[float] = []  # of each batch, times its pictures

        def find(pixels: Tensor, truths: list[Truth], spec: Experiment) -> list[Detections]:
            rows = predict(network, pixels, spec)
            if spec is experiment:
                true = TrueBoxes.of([truth.boxes for truth in truths], [truth.classes for truth in truths])
                target = encode(true, spec, sources).to(rows.device)
                mean_loss = float(yolo_loss(target, rows, spec.network).total)
                losses.append(mean_loss * len(rows))
            progress.advance(len(rows))
            return detections(rows, spec.nms) if spec is looked else []

        with (
            memory_explained("batch_size of eval_config", experiment.evaluation.batch_size),
            Progress(len(frames) * passes, "Producing predictions") as progress,
        ):
            if looked is not experiment:
                for _ in look_at(frames, partial(find, spec=experiment), experiment):
                    pass  # for the loss alone
            metrics = evaluate(partial(find, spec=looked), frames, looked)
        loss = sum(losses) / len(frames)
        print(ap_table(metrics), f"Validation loss: {loss}", "", sep="\n", flush=True)
        return _columns(metrics, loss)

    return judge


def _columns(metrics: Metrics, loss: float) -> dict[str, float]:
    """The columns of the CSV log that a validation fills; what is not known has none."""
    ap = {f"AP_{name}": value for name, value in metrics.ap.items() if value is not None}
    if metrics.map_present is None:
        print(f"note: {NO_OBJECT}", flush=True)
        return {"validation_loss": loss}
    return {"mAP": metrics.map_tao, "validation_loss": loss, **ap}
