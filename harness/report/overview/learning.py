"""How a training went, by its CSV log: loss, average precisions and learning rate by epoch."""

import contextlib
import csv
from collections.abc import Mapping
from dataclasses import dataclass

from harness.engine.training_log import Row, log_rows, number_in
from harness.text import one_line
from harness.workspace.layout import PRODUCTS, Workspace

LOG_FILES = "yolov4_training_log_*.csv"
MOST_BYTES, MOST_EPOCHS = 8 << 20, 100_000
AP = "AP_"  # before the name of a class: its column
Course = tuple[float | None, ...]  # of one quantity, by epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class Learning:
    """The course of one training; None where an epoch has no value."""

    source: str  # path of the log, relative to the workspace
    epochs: tuple[int, ...]
    loss: Course
    validation_loss: Course
    mean_average_precision: Course  # on the validation frames, a fraction
    average_precision: Mapping[str, Course]  # by class, likewise
    learning_rate: Course
    is_finished: bool  # published by a training that was done


def read_learning(workspace: Workspace) -> Learning | None:
    """The log that was published, else the newest one of a try; None where there is none that can be read."""
    tried = sorted(
        (workspace.attempts / "train").glob(f"*/{PRODUCTS}/experiment/{LOG_FILES}"),
        key=lambda path: path.parts[-4],
        reverse=True,
    )
    for path in (*sorted(workspace.experiment.glob(LOG_FILES)), *tried):
        with contextlib.suppress(OSError):
            if path.stat().st_size <= MOST_BYTES:
                text = path.read_text(errors="replace")
                is_finished = path.parent == workspace.experiment
                source = one_line(path.relative_to(workspace.root).as_posix())
                return learning(text, source=source, is_finished=is_finished)
    return None


def learning(log: str, *, source: str, is_finished: bool) -> Learning | None:
    """What a CSV log tells; None where it has no epoch."""
    rows: list[Row] = []
    with contextlib.suppress(csv.Error):
        for row in log_rows(log):
            if number_in(row.get("epoch")) is not None and len(rows) < MOST_EPOCHS:
                rows.append(row)
    if not rows:
        return None

    def course(name: str) -> Course:
        return tuple(number_in(row.get(name)) for row in rows)

    return Learning(
        source=source,
        epochs=tuple(int(value) for value in course("epoch") if value is not None),
        loss=course("loss"),
        validation_loss=course("validation_loss"),
        mean_average_precision=course("mAP"),
        average_precision={
            one_line(name.removeprefix(AP)): course(name) for name in rows[0] if name.startswith(AP)
        },
        learning_rate=course("lr"),
        is_finished=is_finished,
    )
