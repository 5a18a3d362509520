"""The training run, epoch by epoch: train, judge, save, log.

Judging and saving happen every `checkpoint_interval` epochs and after the last, also when that comes early; TAO 5.0
judges label-folder data every epoch and saves nothing when it stops early.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from yolo_v4.data.batches import TrainingBatches
from yolo_v4.network.checkpoint import save_checkpoint
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import EarlyStopping, Experiment
from yolo_v4.status import StatusLog
from yolo_v4.training.csvlog import CsvLog, Row
from yolo_v4.training.phases import Phases
from yolo_v4.training.progress import Progress
from yolo_v4.training.trainer import Trainer

Judge = Callable[
    [Yolo], dict[str, float]
]  # of a network in evaluation mode: CSV columns AP_<class>, mAP, validation_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """Where a run writes; the folder of the weights exists."""

    results: Path
    model: str  # such as resnet18

    def checkpoint(self, epoch: int) -> Path:
        """File of the checkpoint after `epoch` epochs."""
        return self.results / "weights" / f"yolov4_{self.model}_epoch_{epoch:03}.pt"

    @property
    def csv(self) -> Path:
        """The CSV log."""
        return self.results / f"yolov4_training_log_{self.model}.csv"


def train(
    trainer: Trainer,
    batches: TrainingBatches,
    experiment: Experiment,
    *,
    judge: Judge,
    outputs: Outputs,
    log: StatusLog,
    phases: Phases,
    history: Sequence[Row] = (),
) -> None:
    """Train up to the epoch the spec names.

    Args:
        trainer: fresh, or resumed.
        batches: the training set.
        experiment: the spec.
        judge: what the network is worth on the validation data.
        outputs: where to write.
        log: status.json.
        phases: marks of the same run.
        history: rows of the CSV log so far, of a resumed run.

    Raises:
        TrainingFailed: a loss is not a finite number.
    """
    spec = experiment.training
    history = list(history)
    csv = CsvLog(outputs.csv, experiment.classes, history)
    progress = Progress(epochs=spec.epochs, steps=batches.steps_per_epoch, batch_size=spec.batch_size)
    stop = no_longer_falls(history, spec.early_stopping)
    while trainer.epochs_done < spec.epochs and not stop:
        started_s = time.monotonic()
        epoch = trainer.epochs_done + 1
        progress.begin_epoch(epoch)
        try:
            with phases.phase("epoch", epoch=epoch):
                loss = trainer.run_epoch(phases.steps(batches.epoch(epoch - 1)), progress)
        finally:
            progress.end_epoch()
        row = {"epoch": epoch, "loss": loss, "lr": trainer.learning_rate}
        history.append(row)
        stop = no_longer_falls(history, spec.early_stopping)
        if epoch % spec.checkpoint_interval == 0 or epoch == spec.epochs or stop:
            with phases.phase("validation", epoch=epoch):
                row |= judge(trainer.trained.eval())
            with phases.phase("checkpoint", epoch=epoch):
                print(f"Epoch {epoch:05}: saving model to {outputs.checkpoint(epoch)}", flush=True)
                save_checkpoint(outputs.checkpoint(epoch), trainer.checkpoint(history))
        csv.append(row)
        report_epoch(log, row, spec.epochs, seconds=time.monotonic() - started_s, images_per_s=progress.images_per_s)
        if stop:
            print(f"Epoch {epoch:05}: early stopping", flush=True)


def no_longer_falls(history: Sequence[Row], spec: EarlyStopping | None) -> bool:
    """Has the loss, in rows from the first epoch on, not fallen by more than `min_delta` for `patience` epochs?"""
    if spec is None:
        return False
    best, waited = float("inf"), 0
    for row in history:
        if row["loss"] < best - spec.min_delta:
            best, waited = row["loss"], 0
        else:
            waited += 1
    return waited >= spec.patience


def report_epoch(log: StatusLog, row: dict[str, float], epochs: int, *, seconds: float, images_per_s: float) -> None:
    """TAO's line of an epoch in status.json, numbers as strings, with our rate added."""
    left = row["epoch"]
    data = {
        "epoch": row["epoch"],
        "max_epoch": epochs,
        "time_per_epoch": str(timedelta(seconds=seconds)),
        "eta": str(timedelta(seconds=seconds * (epochs - left))),
        "images_per_s": round(images_per_s, 3),
    }
    mean_ap = str(row.get("mAP", float("nan")))
    graphical = {
        "loss": str(row["loss"]),
        "validation_loss": str(row.get("validation_loss", float("nan"))),
        "mean average precision": mean_ap,
        "learning_rate": str(row["lr"]),
    }
    log.write(
        "RUNNING", "Training loop in progress", data=data, graphical=graphical, kpi={"mean average precision": mean_ap}
    )
