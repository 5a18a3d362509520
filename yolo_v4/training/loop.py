"""The training run, epoch by epoch: train, judge, save, log.

Judging and saving happen every `checkpoint_interval` epochs and after the last, also when that comes early; TAO 5.0
judges label-folder data every epoch and saves nothing when it stops early.
"""

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from yolo_v4.data.batches import TrainingBatches
from yolo_v4.network.checkpoint import save_checkpoint
from yolo_v4.network.yolo import Yolo
from yolo_v4.phases import Phases
from yolo_v4.progress import Progress
from yolo_v4.spec.experiment import EarlyStopping, Experiment
from yolo_v4.status import StatusLog
from yolo_v4.training.trainer import Trainer, require_finite
from yolo_v4.training.visualizer import Visualizer

Row = dict[str, float]  # of the CSV log
Judge = Callable[[Yolo], Row]  # columns AP_<class>, mAP, validation_loss of a network in evaluation mode


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """Where a run writes; the folder of the weights exists. Of several processes only the first one writes."""

    results: Path
    model: str  # such as resnet18
    is_first_process: bool = True

    def checkpoint(self, epoch: int) -> Path:
        """File of the checkpoint after `epoch` epochs."""
        return self.results / "weights" / f"yolov4_{self.model}_epoch_{epoch:03}.pt"

    def write_csv(self, classes: Sequence[str], history: Sequence[Row]) -> None:
        """The CSV log as TAO writes it: no times, CRLF line ends, one row an epoch; what it does not know is `nan`."""
        columns = [
            "epoch",
            *sorted([f"AP_{name}" for name in classes] + ["loss", "lr", "mAP", "validation_loss"]),
        ]
        if self.is_first_process:
            with (self.results / f"yolov4_training_log_{self.model}.csv").open("w", newline="") as stream:
                rows = ([row.get(column, float("nan")) for column in columns] for row in history)
                csv.writer(stream).writerows([columns, *rows])


def train(
    trainer: Trainer,
    batches: TrainingBatches,
    experiment: Experiment,
    board: Visualizer,
    *,
    judge: Judge,
    outputs: Outputs,
    log: StatusLog,
    phases: Phases,
    history: Sequence[Row] = (),
) -> None:
    """Train up to the epoch the spec names, on from the `history` of a resumed run.

    Raises TrainingFailed: a loss is not a finite number; weights that give one are not saved.
    """
    spec, history = experiment.training, list(history)
    outputs.write_csv(experiment.classes, history)
    stop = no_longer_falls(history, spec.early_stopping)
    while trainer.epochs_done < spec.epochs and not stop:
        started_s, epoch = time.monotonic(), trainer.epochs_done + 1
        print(f"Epoch {epoch}/{spec.epochs}", flush=True)
        with Progress(batches.pictures_per_epoch, "Training") as progress, phases.phase("epoch", epoch=epoch):
            watched = board.watched(
                batches.epoch(epoch - 1), (epoch - 1) * batches.steps_per_epoch, trainer.network
            )
            loss = trainer.run_epoch(phases.steps(watched), progress, board.scalars)
        row = {"epoch": epoch, "loss": loss, "lr": trainer.learning_rate}
        history.append(row)
        stop = no_longer_falls(history, spec.early_stopping)
        if outputs.is_first_process and (
            epoch % spec.checkpoint_interval == 0 or epoch == spec.epochs or stop
        ):
            with phases.phase("validation", epoch=epoch):
                row |= judge(trainer.trained.eval())
            require_finite(row["validation_loss"], f"after epoch {epoch} the validation loss")
            with phases.phase("checkpoint", epoch=epoch):
                print(f"Epoch {epoch:05}: saving model to {outputs.checkpoint(epoch)}", flush=True)
                save_checkpoint(outputs.checkpoint(epoch), trainer.checkpoint(history))
        outputs.write_csv(experiment.classes, history)
        report_epoch(
            log, row, spec.epochs, seconds=time.monotonic() - started_s, images_per_s=progress.images_per_s
        )
        board.scalars(
            epoch * batches.steps_per_epoch, {name: row[name] for name in row if name not in ("epoch", "lr")}
        )
        if stop:
            print(f"Epoch {epoch:05}: early stopping", flush=True)


def no_longer_falls(history: Sequence[Row], spec: EarlyStopping | None) -> bool:
    """Has the loss, in rows from the first epoch on, not fallen by more than `min_delta` for `patience` epochs?"""
    best, waited = float("inf"), 0
    for row in history if spec else ():
        waited += 1
        if spec and row["loss"] < best - spec.min_delta:
            best, waited = row["loss"], 0
    return spec is not None and waited >= spec.patience


def report_epoch(log: StatusLog, row: Row, epochs: int, *, seconds: float, images_per_s: float) -> None:
    """TAO's line of an epoch in status.json, numbers as strings, with our rate added."""
    data = {
        "epoch": row["epoch"],
        "max_epoch": epochs,
        "time_per_epoch": str(timedelta(seconds=seconds)),
        "eta": str(timedelta(seconds=seconds * (epochs - row["epoch"]))),
        "images_per_s": round(images_per_s, 3),
    }
    text = {column: str(row.get(column, float("nan"))) for column in ("loss", "validation_loss", "mAP", "lr")}
    kpi = {"mean average precision": text["mAP"]}
    graphical = {
        "loss": text["loss"],
        "validation_loss": text["validation_loss"],
        **kpi,
        "learning_rate": text["lr"],
    }
    log.write("RUNNING", "Training loop in progress", data=data, graphical=graphical, kpi=kpi)
