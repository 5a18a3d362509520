"""The CSV log that an engine writes while it trains: a row for each epoch."""

import contextlib
import csv
import io
import math
from collections.abc import Collection, Iterator

Row = dict[str, str]  # column -> text


def log_rows(log: str) -> Iterator[Row]:
    """Rows of a log, whose names of columns may be padded; cells beyond the columns are left out.

    Raises:
        csv.Error: the log is damaged from there on.
    """
    for row in csv.DictReader(io.StringIO(log, newline="")):
        yield {str(name).strip(): text for name, text in row.items() if isinstance(text, str)}


def number_in(text: str | None) -> float | None:
    """The finite number that a cell holds; None where it holds none, or is not there."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def epochs_done(log: str) -> int:
    """The last epoch that a log has a row of; 0 where it has none."""
    return max((int(epoch) for epoch, _ in _by_epoch(log, "epoch")), default=0)


def last_loss(log: str) -> float | None:
    """The loss of the last row of a log; None where it is no number, there is no row, or it is damaged."""
    rows: list[Row] = []
    with contextlib.suppress(csv.Error):
        rows = list(log_rows(log))
    return number_in(rows[-1].get("loss")) if rows else None


def best_epoch(log: str, saved: Collection[int]) -> tuple[int, float] | None:
    """Of the epochs whose checkpoint was saved, the one with the highest mAP on the validation frames.

    Of equal ones it is the last, which was trained longest. An epoch that nobody validated is never the best.
    None where the log tells the mAP of none of them, or lacks the row of one, which may be better: that of
    NVIDIA's program begins anew where a training is resumed.
    """
    if not set(saved) <= {int(epoch) for epoch, _ in _by_epoch(log, "epoch")}:
        return None
    told = [(score, int(epoch)) for epoch, score in _by_epoch(log, "mAP") if int(epoch) in saved]
    score, epoch = max(told, default=(0.0, 0))
    return (epoch, score) if told else None


def _by_epoch(log: str, column: str) -> Iterator[tuple[float, float]]:
    """(epoch, value) of each row that has both, up to where the log is damaged."""
    with contextlib.suppress(csv.Error):
        for row in log_rows(log):
            epoch, value = number_in(row.get("epoch")), number_in(row.get(column))
            if epoch is not None and value is not None:
                yield epoch, value
