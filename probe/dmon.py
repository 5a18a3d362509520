"""Files that `nvidia-smi dmon -o TD` wrote.

They hold a heading now and then, a line for each GPU and beat, and `-` for what was not read.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from probe.errors import ProbeError
from probe.samples import SAMPLES, SampleFile

# Name in the heading -> end of our column's name, and how many of our units one of theirs is.
# They are the sampler's own names where it reads the same.
COLUMNS = {
    "pwr": ("power_w", 1),
    "gtemp": ("temperature_c", 1),
    "temp": ("temperature_c", 1),  # older drivers
    "mtemp": ("memory_temperature_c", 1),
    "sm": ("utilisation_pct", 1),
    "mem": ("memory_busy_pct", 1),
    "enc": ("encoder_pct", 1),
    "dec": ("decoder_pct", 1),
    "mclk": ("memory_clock_mhz", 1),
    "pclk": ("sm_clock_mhz", 1),
    "fb": ("memory_used_bytes", 2**20),
    "rxpci": ("pcie_received_bytes_per_s", 10**6),
    "txpci": ("pcie_sent_bytes_per_s", 10**6),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """What such a file holds; times never go backwards."""

    beats: tuple[tuple[float, dict[str, float]], ...]  # unix_s, column -> value
    faults: tuple[str, ...]  # in words: what was left out or put right


def convert(path: Path, folder: Path) -> Log:
    """Leave what a file of dmon holds as samples.csv.gz in `folder`, which is made where it is not there.

    Raises:
        ProbeError: it is no such file, or the folder holds samples already.
    """
    if (folder / SAMPLES).exists():
        raise ProbeError(f"{folder} holds samples already", remedy="take another folder, or remove that one")
    log = read_dmon(path)
    columns = sorted({column for _, values in log.beats for column in values})
    folder.mkdir(parents=True, exist_ok=True)
    with SampleFile(folder, columns) as samples:
        for time_s, values in log.beats:
            samples.add(time_s, 0.0, [values.get(column) for column in columns])
    return log


def read_dmon(path: Path) -> Log:
    """Read a file whose times have no zone as if they were UTC.

    Raises:
        ProbeError: it is no such file, or holds no samples.
    """
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise ProbeError(f"cannot read {path}: {error.strerror}", remedy="correct the path") from error
    reader = _Reader()
    for number, time_s, row in _rows(lines, reader.faults):
        reader.add(number, time_s, row)
    if not any(values for _, values in reader.beats):
        raise ProbeError(
            f"{path} holds no samples of `nvidia-smi dmon` with date and time",
            remedy="take a file that `nvidia-smi dmon -o TD -s puct` wrote",
        )
    faults = ("its times tell no zone and are read as UTC", *reader.faults)
    return Log(beats=tuple(reader.beats), faults=faults)


def _rows(lines: Sequence[str], faults: list[str]) -> Iterator[tuple[int, float, dict[str, str]]]:
    """(number, unix_s, cells by name) of each whole line below a heading; others are added to `faults`."""
    names: list[str] = []
    for number, line in enumerate(lines, 1):
        cells = line.replace("#", " ").split()
        if line.startswith("#"):
            names = [cell.lower() for cell in cells] if "gpu" in cells else names
            continue
        row = dict(zip(names, cells, strict=False))
        time_s = _unix_s(row) if len(cells) == len(names) else None
        if time_s is not None:
            yield number, time_s, row
        elif cells and names:
            faults.append(f"line {number} is not whole and left out")


@dataclass
class _Reader:
    beats: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    shift_s: float = 0.0  # of times, since the clock went back
    seen: set[str] = field(default_factory=set)  # GPUs of the last beat

    def add(self, number: int, time_s: float, row: dict[str, str]) -> None:
        """A line of one GPU, which belongs to the last beat unless that has one of this GPU already."""
        time_s += self.shift_s
        if self.beats and (back_s := self.beats[-1][0] - time_s) > 0:
            self.shift_s, time_s = self.shift_s + back_s, time_s + back_s
            moved = f"the clock went back by {back_s:.0f} s at line {number}"
            self.faults.append(f"{moved}; times after it are moved on")
        if row["gpu"] in self.seen or not self.beats:
            self.seen.clear()
            self.beats.append((time_s, {}))
        self.seen.add(row["gpu"])
        self.beats[-1][1].update(_values(row))


def _unix_s(row: dict[str, str]) -> float | None:
    with contextlib.suppress(KeyError, ValueError):
        read = datetime.strptime(f"{row['date']} {row['time']}", "%Y%m%d %H:%M:%S")
        return read.replace(tzinfo=timezone.utc).timestamp() if row["gpu"].isdigit() else None
    return None


def _values(row: dict[str, str]) -> dict[str, float]:
    values = {}
    for name, (column, factor) in COLUMNS.items():
        with contextlib.suppress(KeyError, ValueError):  # not asked for, or not there: "-"
            values[f"gpu{row['gpu']}_{column}"] = float(row[name]) * factor
    return values
