"""The CSV log that an engine writes while it trains: a row for each epoch."""

import csv
import io
import math
from collections.abc import Iterator

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
