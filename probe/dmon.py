"""Files that `nvidia-smi dmon -o TD` wrote.

They hold a heading now and then, a line for each GPU and beat, and `-` for what was not read; with
`--format csv`, cells are separated by commas. One file may hold what several hosts or jobs wrote.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from probe.errors import ProbeError
from probe.log_text import LogText
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
OF_INSTANCES = {"sm", "mem", "enc", "dec", "fb"}  # in lines of MIG instances these are not of the whole GPU
# 2007, the year of CUDA, and 2100: a time before or after is that of a clock that was not set.
FIRST_UNIX_S, END_UNIX_S = 1_167_609_600.0, 4_102_444_800.0
MOST = 1e15  # of any unit: no sensor tells more, or less than 0
GPU = re.compile("[0-9]{1,4}")
NEW_LOG_S = 60.0  # a heading after a longer pause begins another log
STEP_BACK_S = 2.0  # a heading after a larger step back begins another log; a smaller one is a clock put right
# More beats, and a larger share of them, with a time that the GPU had before are of two writers at once.
MOST_REPEATED, MOST_REPEATED_SHARE = 3, 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """What one start of dmon wrote; times never go backwards."""

    beats: tuple[tuple[float, dict[str, float]], ...]  # unix_s, column -> value
    faults: tuple[str, ...]  # in words: what was left out or put right
    task: str = ""  # label of `srun -l`


def convert(text: LogText, folder: Path) -> tuple[tuple[Path, Log], ...]:
    """Write what a file of dmon holds as samples.csv.gz in `folder`, which is made where it is not there.

    Where it holds several logs, each has a folder of its own in there: part-1, part-2 …

    Raises:
        ProbeError: it is no such file, its logs cannot be told apart, or the folder holds samples already.
    """
    logs = read_dmon(text)
    several = len(logs) > 1
    parts = [(folder / f"part-{place}" if several else folder, log) for place, log in enumerate(logs, 1)]
    if (folder / SAMPLES).exists() or any((part / SAMPLES).exists() for part, _ in parts):
        raise ProbeError(f"{folder} holds samples already", remedy="take another folder, or remove that one")
    for part, log in parts:
        columns = sorted({column for _, values in log.beats for column in values})
        part.mkdir(parents=True, exist_ok=True)
        with SampleFile(part, columns) as samples:
            for time_s, values in log.beats:
                samples.add(time_s, 0.0, [values.get(column) for column in columns])
    return tuple(parts)


def read_dmon(text: LogText) -> tuple[Log, ...]:
    """Every log in a file, by task and time. Times, which have no zone, are read as if they were UTC.

    A heading begins another log where the time steps back or a minute is missing: then dmon was started anew,
    by another host or job. Without a heading the clock was changed, and later times are moved on.

    Raises:
        ProbeError: it holds no samples, or those of several hosts or jobs at once.
    """
    every = [part for task, lines in text.tasks.items() for part in _parts(text.name, task, lines)]
    found = [part for part in every if any(values for _, values in part.beats)]
    if not found:
        faults = "; ".join(fault for part in every for fault in part.faults[:1])
        raise ProbeError(
            f"{text.name} holds no samples of `nvidia-smi dmon` with date and time{faults and f': {faults}'}",
            remedy="take a file that `nvidia-smi dmon -o TD -s puct` wrote",
        )
    remarks = ["its times tell no zone and are read as UTC", *text.remarks]
    if len(found) > 1:
        remarks.append(f"it holds {len(found)} logs, each with a heading of its own, kept apart")
    return tuple(
        Log(beats=tuple(part.beats), faults=(*remarks, *part.told()), task=part.task) for part in found
    )


def _parts(name: str, task: str, lines: Sequence[tuple[int, str]]) -> Iterator["_Reader"]:
    """The logs in the lines of one task, one after another."""
    reader = _Reader(task)
    for row in _rows(lines):
        if row.below_heading and reader.is_left_behind(row.time_s):
            yield reader.checked(name)
            reader = _Reader(task)
        reader.add(row)
    yield reader.checked(name)


class _Row(NamedTuple):
    number: int  # of the line
    time_s: float | None  # unix; None where the line is not whole
    cells: dict[str, str]  # by name
    below_heading: bool


def _rows(lines: Sequence[tuple[int, str]]) -> Iterator[_Row]:
    """The lines below a heading that are not empty."""
    names: list[str] = []
    below_heading = False
    for number, line in lines:
        cells = line.replace("#", " ").replace(",", " ").split()
        if line.lstrip().startswith("#"):
            names = [cell.lower() for cell in cells] if "gpu" in cells else names
            below_heading = True
        elif cells and names:
            row = dict(zip(names, cells, strict=False))
            time_s = _unix_s(row) if len(cells) == len(names) else None
            yield _Row(number, time_s, row, below_heading)
            below_heading = below_heading and time_s is None


@dataclass
class _Reader:
    """One log as it is read line by line."""

    task: str
    beats: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    shift_s: float = 0.0  # of times, since the clock went back
    seen: set[tuple[str, str]] = field(default_factory=set)  # GPUs of the last beat, with their MIG instance
    repeated: int = 0  # beats whose GPU had that time, or a later one, before
    instances: bool = False  # whether there are lines of MIG instances
    unread: set[str] = field(default_factory=set)  # cells that are neither a number nor a dash

    def is_left_behind(self, time_s: float | None) -> bool:
        """Whether that time, below a heading, is one of another log."""
        if time_s is None or not self.beats:
            return False
        pause_s = time_s + self.shift_s - self.beats[-1][0]
        return pause_s > NEW_LOG_S or pause_s < -STEP_BACK_S

    def add(self, row: _Row) -> None:
        """A line of one GPU, which belongs to the last beat unless that has one of this GPU already."""
        if row.time_s is None:
            self.faults.append(f"line {row.number} is not whole and left out")
            return
        if not FIRST_UNIX_S <= row.time_s < END_UNIX_S:
            self.faults.append(f"line {row.number} has a time before 2007 or after 2099 and is left out")
            return
        time_s, last_s = row.time_s + self.shift_s, self.beats[-1][0] if self.beats else -math.inf
        key = (row.cells["gpu"], row.cells.get("mig", "-"))
        self.repeated += key in self.seen and time_s <= last_s
        if time_s < last_s:
            self.shift_s, back_s, time_s = self.shift_s + last_s - time_s, last_s - time_s, last_s
            moved = f"the clock went back by {back_s:.0f} s at line {row.number}"
            self.faults.append(f"{moved}; times after it are moved on")
        elif self.beats and time_s - last_s > NEW_LOG_S:
            self.faults.append(f"no samples for {time_s - last_s:.0f} s before line {row.number}")
        if key in self.seen or not self.beats:
            self.seen.clear()
            self.beats.append((time_s, {}))
        self.seen.add(key)
        self.beats[-1][1].update(self._values(row.cells, is_instance=key[1].isdigit()))

    def checked(self, name: str) -> "_Reader":
        """Itself, unless several wrote it at once."""
        if self.repeated > max(MOST_REPEATED, MOST_REPEATED_SHARE * len(self.beats)):
            raise ProbeError(
                f"{name} holds lines of several hosts or jobs, mixed: {self.repeated} times a GPU has two "
                "lines for the same second",
                remedy="take the file of each host; or let `srun -l` label the lines, which keeps them apart",
            )
        return self

    def told(self) -> list[str]:
        """What was left out or put right, in words."""
        more = []
        if self.instances:
            more.append("its lines are of MIG instances: their utilisation and memory are left out")
        if self.unread:
            words = ", ".join(sorted(self.unread)[:3])
            more.append(f"cells that no sensor tells count as not read: {words}")
        return [*more, *self.faults]

    def _values(self, cells: dict[str, str], *, is_instance: bool) -> dict[str, float]:
        self.instances |= is_instance
        values = {}
        for name, (column, factor) in COLUMNS.items():
            cell = cells.get(name, "-")
            if cell == "-" or (is_instance and name in OF_INSTANCES):
                continue
            number = math.nan
            with contextlib.suppress(ValueError):
                number = float(cell) * factor
            if 0 <= number <= MOST:
                values[f"gpu{int(cells['gpu'])}_{column}"] = number
            else:
                self.unread.add(cell)
        return values


def _unix_s(row: dict[str, str]) -> float | None:
    with contextlib.suppress(KeyError, ValueError):
        read = datetime.strptime(f"{row['date']} {row['time']}", "%Y%m%d %H:%M:%S")
        return read.replace(tzinfo=timezone.utc).timestamp() if GPU.fullmatch(row["gpu"]) else None
    return None
