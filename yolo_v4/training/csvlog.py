"""The CSV log of a training run, as TAO writes it: no times, CRLF line ends, one row an epoch."""

import csv
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, float]


class CsvLog:
    """`epoch` and then the other columns in ASCII order; what an epoch does not know reads `nan`."""

    def __init__(self, path: Path, classes: Sequence[str], history: Sequence[Row] = ()) -> None:
        """Begin the file anew, with the rows of a resumed run's past first."""
        self._path = path
        self._columns = [
            "epoch",
            *sorted([f"AP_{name}" for name in classes] + ["loss", "lr", "mAP", "validation_loss"]),
        ]
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerow(self._columns)
        for row in history:
            self.append(row)

    def append(self, row: Row) -> None:
        """Add one epoch."""
        with self._path.open("a", newline="") as stream:
            csv.writer(stream).writerow([row.get(column, float("nan")) for column in self._columns])
