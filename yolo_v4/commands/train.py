"""`yolo_v4 train`: weights, CSV log and status.json of a training run."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm import tqdm

from yolo_v4.data.batches import TrainingBatches, validation_batches
from yolo_v4.data.frames import Frame, read_frames
from yolo_v4.errors import TrainingFailed
from yolo_v4.network.checkpoint import Checkpoint, load_checkpoint, require_same
from yolo_v4.network.device import choose_device, mixed_precision
from yolo_v4.network.yolo import Yolo
from yolo_v4.scoring.evaluator import ap_table, evaluate_network
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.spec.training_checks import check_training
from yolo_v4.status import StatusLog, reported, status_path
from yolo_v4.training.loop import Judge, Outputs, train
from yolo_v4.training.phases import Phases
from yolo_v4.training.start import starting_network
from yolo_v4.training.trainer import Trainer, validation_loss

GPU_WORKERS = 8  # threads that prepare batches for a GPU; a CPU that trains spares one


def run(args: argparse.Namespace) -> None:
    """Train as the spec says.

    Raises:
        DetectorError: spec, frames or weights are refused, no such GPU, a loss that is no number, too little memory.
    """
    results = Path(args.results_dir)
    log = StatusLog(status_path(args.results_dir))
    phases = Phases(log)
    with reported(log, started="Starting Yolo_V4 Training job", failed="Training was interrupted."):
        if args.gpus > 1:
            message = f"--gpus {args.gpus}: training on several GPUs is not supported yet"
            raise TrainingFailed(message, remedy="train with --gpus 1")
        device = choose_device(args.gpu_index)
        experiment = load_experiment(Path(args.experiment_spec_file))
        check_training(experiment)
        with _memory_explained(experiment):
            _train(experiment, device, results, log, phases, amp=args.use_amp)
        log.write("SUCCESS", "YOLO_V4 training finished successfully.")


def _train(
    experiment: Experiment, device: torch.device, results: Path, log: StatusLog, phases: Phases, *, amp: bool
) -> None:
    outputs = Outputs(results=results, model=f"{experiment.network.arch}{experiment.network.layers}")
    frames, validation = read_frames(experiment, "train"), read_frames(experiment, "validation")
    print(f"{len(frames)} frames to train on, {len(validation)} to validate with, on {_name(device)}", flush=True)
    precision = mixed_precision(device) if amp else torch.float32
    if amp:
        print(f"--use_amp: convolutions compute in {str(precision).removeprefix('torch.')}", flush=True)
    batches = TrainingBatches(frames, experiment, workers=GPU_WORKERS if device.type == "cuda" else 1)
    resumed = _checkpoint_to_resume(experiment)
    network, fresh = starting_network(experiment)
    if experiment.training.pretrain_path is not None:
        taken = f"new weights for {', '.join(fresh)}" if fresh else "all layers taken over"
        print(f"Starting from {experiment.training.pretrain_path}: {taken}", flush=True)
    trainer = Trainer(network.to(device), experiment, steps_per_epoch=batches.steps_per_epoch, precision=precision)
    if resumed is not None:
        trainer.resume(resumed)
        print(f"Resuming after epoch {trainer.epochs_done} of {experiment.training.epochs}", flush=True)
    (results / "weights").mkdir(parents=True, exist_ok=True)
    (results / "model_output_labels.txt").write_text("\n".join(experiment.classes))
    log.write("STARTED", "Starting Training Loop.")
    train(
        trainer,
        batches,
        experiment,
        judge=_judge(validation, experiment),
        outputs=outputs,
        log=log,
        phases=phases,
        history=[] if resumed is None else resumed.history,
    )
    log.write("RUNNING", "Training loop complete.")


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"the CPU ({torch.get_num_threads()} threads)"


def _checkpoint_to_resume(experiment: Experiment) -> Checkpoint | None:
    path = experiment.training.resume_path
    if path is None:
        return None
    checkpoint = load_checkpoint(path)
    require_same(checkpoint, experiment, path)
    return checkpoint


def _judge(frames: list[Frame], experiment: Experiment) -> Judge:
    def judge(network: Yolo) -> dict[str, float]:
        with tqdm(total=len(frames), desc="Producing predictions", unit="image", leave=False, disable=None) as bar:
            metrics = evaluate_network(network, frames, experiment, progress=bar.update)
        loss = validation_loss(network, validation_batches(frames, experiment), experiment)
        print(ap_table(metrics), f"Validation loss: {loss}", "", sep="\n", flush=True)
        ap = {f"AP_{name}": value for name, value in metrics.ap.items() if value is not None}
        return {"mAP": metrics.map_tao, "validation_loss": loss, **ap}

    return judge


@contextmanager
def _memory_explained(experiment: Experiment) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # PyTorch's CPU allocator has no exception of its own.
        out_of_memory = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not out_of_memory and "can't allocate memory" not in str(error):
            raise
        spec = experiment.training
        raise TrainingFailed(
            f"memory ran out with batch_size_per_gpu {spec.batch_size}: {error}",
            remedy="lower batch_size_per_gpu in training_config, or the network's input size",
        ) from error
