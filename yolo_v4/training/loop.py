"""The training run, epoch by epoch: train, validate, save, log.

The network is validated and saved every `checkpoint_interval` epochs and after the last epoch, also where
early stopping makes it the last. TAO 5.0 validates every epoch where the labels are in folders, and saves
nothing when it stops early.
"""

import csv
import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from yolo_v4.data.batches import TrainingBatches
from yolo_v4.files import written_whole
from yolo_v4.network.checkpoint import save_checkpoint
from yolo_v4.network.yolo import Yolo
from yolo_v4.phases import Phases
from yolo_v4.progress import Progress
from yolo_v4.spec.experiment import EarlyStopping, Experiment
from yolo_v4.status import StatusLog
from yolo_v4.training.trainer import Trainer, require_finite
from yolo_v4.training.visualizer import Visualizer

Row = dict[str, float]  # of the CSV log
Judge = Callable[[Yolo], Row]  # columns AP_<class>, mAP and validation_loss, of a network in evaluation mode
NOT_KNOWN = math.nan  # in a column of the CSV log


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """Where a run writes; of several processes only the first one does. The folder of the weights exists."""

    results: Path
    model: str  # such as resnet18
    is_first_process: bool = True

    def checkpoint(self, epoch: int) -> Path:
        """File of the checkpoint after `epoch` epochs."""
        return self.results / "weights" / f"yolov4_{self.model}_epoch_{epoch:03}.pt"

    def write_csv(self, classes: Sequence[str], history: Sequence[Row]) -> None:
        """Write the CSV log as TAO does: a row an epoch, CRLF line ends, `nan` for what is not known."""
        if not self.is_first_process:
            return
        metrics = [f"AP_{name}" for name in classes] + ["loss", "lr", "mAP", "validation_loss"]
        columns = ["epoch", *sorted(metrics)]
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows([row.get(column, NOT_KNOWN) for column in columns] for row in history)
        with written_whole(self.results / f"yolov4_training_log_{self.model}.csv") as stream:
            stream.write(text.getvalue().encode())


class Best(NamedTuple):
    """The checkpoint with the highest mAP on the validation frames, as TAO counts it, 0..1."""

    epoch: int
    mean_average_precision: float
    path: Path


def best_checkpoint(history: Sequence[Row], outputs: Outputs) -> Best | None:
    """The best of the checkpoints in the folder of the weights; of equal ones the last, trained longest.

    None where no mAP of theirs is known: an epoch that was not validated is never the best.
    """
    saved = (
        Best(int(row["epoch"]), row.get("mAP", NOT_KNOWN), outputs.checkpoint(int(row["epoch"])))
        for row in history
    )
    known = [best for best in saved if math.isfinite(best.mean_average_precision) and best.path.is_file()]
    return max(known, key=lambda best: (best.mean_average_precision, best.epoch), default=None)


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
    """Train up to the number of epochs in the spec; `history` has the rows of the epochs of a resumed run.

    Raises TrainingFailed: a loss is not a finite number, or nothing is learned; such an epoch is not saved.
    """
    spec = experiment.training
    rows = list(history)
    outputs.write_csv(experiment.classes, rows)
    stop = should_stop(rows, spec.early_stopping)
    if stop or trainer.epochs_done >= spec.epochs:
        _end_again(trainer, rows, spec.resume_path, outputs, phases, has_stopped=stop)
    while trainer.epochs_done < spec.epochs and not stop:
        started_s = time.monotonic()
        epoch = trainer.epochs_done + 1
        print(f"Epoch {epoch}/{spec.epochs}", flush=True)
        loss, images_per_s = _train_epoch(trainer, batches, board, phases, epoch)
        row: Row = {"epoch": epoch, "loss": loss, "lr": trainer.learning_rate}
        rows.append(row)
        stop = should_stop(rows, spec.early_stopping)
        is_checkpoint_due = epoch % spec.checkpoint_interval == 0 or epoch == spec.epochs or stop
        if is_checkpoint_due and outputs.is_first_process:
            row |= _validate(trainer, judge, phases, epoch)
            _save(trainer, rows, outputs.checkpoint(epoch), phases, epoch)
        outputs.write_csv(experiment.classes, rows)
        _report_epoch(log, row, spec.epochs, time.monotonic() - started_s, images_per_s, is_last=stop)
        board.scalars(epoch * batches.steps_per_epoch, _plotted(row))
        if stop:
            print(f"Epoch {epoch:05}: early stopping", flush=True)
    _report_best(log, best_checkpoint(rows, outputs))


def _end_again(
    trainer: Trainer,
    rows: list[Row],
    resumed: Path | None,
    outputs: Outputs,
    phases: Phases,
    *,
    has_stopped: bool,
) -> None:
    """Of a run that is resumed at its end: say so, and leave its checkpoint here too, byte for byte."""
    epoch = trainer.epochs_done
    ended = (
        f"early stopping had ended the run after epoch {epoch}" if has_stopped else f"all {epoch} are done"
    )
    further = "patience of early_stopping" if has_stopped else "num_epochs"
    print(f"No epoch is left to train: {ended}; a larger {further} goes on", flush=True)
    target = outputs.checkpoint(epoch)
    if not outputs.is_first_process or target.is_file():
        return
    if resumed is None or resumed.suffix != target.suffix:  # NVIDIA's
        _save(trainer, rows, target, phases, epoch)
        return
    with written_whole(target) as stream:
        stream.write(resumed.read_bytes())


def _train_epoch(
    trainer: Trainer, batches: TrainingBatches, board: Visualizer, phases: Phases, epoch: int
) -> tuple[float, float]:
    """Train for one epoch, counted from 1; returns the mean loss and the images per second."""
    steps_before = (epoch - 1) * batches.steps_per_epoch
    with Progress(batches.pictures_per_epoch, "Training") as progress, phases.phase("epoch", epoch=epoch):
        watched = board.watched(batches.epoch(epoch - 1), steps_before, trainer.network)
        loss = trainer.run_epoch(phases.steps(watched, trainer.clock), progress, board.scalars)
    return loss, progress.images_per_s


def _plotted(row: Row) -> Row:
    """What is told once an epoch; the learning rate is told after each step."""
    return {name: value for name, value in row.items() if name not in ("epoch", "lr")}


def _validate(trainer: Trainer, judge: Judge, phases: Phases, epoch: int) -> Row:
    with phases.phase("validation", epoch=epoch):
        columns = judge(trainer.trained.eval())
    require_finite(columns["validation_loss"], f"after epoch {epoch} the validation loss")
    return columns


def _save(trainer: Trainer, rows: list[Row], path: Path, phases: Phases, epoch: int) -> None:
    with phases.phase("checkpoint", epoch=epoch):
        print(f"Epoch {epoch:05}: saving model to {path}", flush=True)
        save_checkpoint(path, trainer.checkpoint(rows))


def should_stop(history: Sequence[Row], spec: EarlyStopping | None) -> bool:
    """Whether early stopping ends the run: the loss fell by no more than `min_delta` for `patience` epochs.

    `history` has the rows of all epochs from the first on; without a `spec`, nothing stops early.
    """
    if spec is None:
        return False
    best_loss = math.inf
    epochs_since_best = 0
    for row in history:
        if row["loss"] < best_loss - spec.min_delta:
            best_loss = row["loss"]
            epochs_since_best = 0
        else:
            epochs_since_best += 1
    return epochs_since_best >= spec.patience


def _report_best(log: StatusLog, best: Best | None) -> None:
    if best is None:
        print("Best checkpoint: not known, for of none that lies here an mAP is known", flush=True)
        return
    score = f"{best.mean_average_precision:.4f}"
    print(
        f"Best checkpoint: epoch {best.epoch}, mAP {score} on the validation frames: {best.path}", flush=True
    )
    told = {"epoch": best.epoch, "mAP": best.mean_average_precision, "path": str(best.path)}
    log.write("RUNNING", "", data={"best_checkpoint": told})


def _report_epoch(
    log: StatusLog, row: Row, epochs: int, seconds: float, images_per_s: float, *, is_last: bool
) -> None:
    """Write TAO's line of an epoch into status.json, numbers as strings; the rate is our addition."""
    text = {column: str(row.get(column, NOT_KNOWN)) for column in ("loss", "validation_loss", "mAP", "lr")}
    log.write(
        "RUNNING",
        "Training loop in progress",
        data={
            "epoch": row["epoch"],
            "max_epoch": epochs,
            "time_per_epoch": str(timedelta(seconds=seconds)),
            "eta": str(timedelta(seconds=0 if is_last else seconds * (epochs - row["epoch"]))),
            "images_per_s": round(images_per_s, 3),
        },
        graphical={
            "loss": text["loss"],
            "validation_loss": text["validation_loss"],
            "mean average precision": text["mAP"],
            "learning_rate": text["lr"],
        },
        kpi={"mean average precision": text["mAP"]},
    )
