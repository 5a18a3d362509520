"""Files that `nvidia-smi dmon -o TD` wrote: a heading now and then, a line for each GPU and beat, `-` for nothing."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from probe.errors import ProbeError

# Name in the heading -> end of our column's name, and how many of our units one of theirs is. The sampler's own names
# where it reads the same.
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


def read_dmon(path: Path) -> Log:
    """Read a file whose times have no zone as if they were UTC.

    Raises:
        ProbeError: it is no such file, or holds no samples.
    """
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise ProbeError(f"cannot read {path}: {error.strerror}", remedy="correct the path") from error
    names: list[str] = []
    beats: list[tuple[float, dict[str, float]]] = []
    faults, shift_s = ["its times tell no zone and are read as UTC"], 0.0
    seen: set[str] = set()  # GPUs of the last beat
    for number, line in enumerate(lines, 1):
        cells = line.replace("#", " ").split()
        if line.startswith("#"):
            names = [cell.lower() for cell in cells] if "gpu" in cells else names
            continue
        row = dict(zip(names, cells, strict=False))
        time_s = _unix_s(row) if len(cells) == len(names) else None
        if time_s is None:
            faults += [f"line {number} is not whole and left out"] if cells and names else []
            continue
        if beats and time_s + shift_s < beats[-1][0]:
            back_s = beats[-1][0] - time_s - shift_s
            shift_s += back_s
            faults.append(f"the clock went back by {back_s:.0f} s at line {number}; times after it are moved on")
        if row["gpu"] in seen or not beats:
            seen.clear()
            beats.append((time_s + shift_s, {}))
        seen.add(row["gpu"])
        beats[-1][1].update(_values(row))
    if not any(values for _, values in beats):
        raise ProbeError(
            f"{path} holds no samples of `nvidia-smi dmon` with date and time",
            remedy="take a file that `nvidia-smi dmon -o TD -s puct` wrote",
        )
    return Log(beats=tuple(beats), faults=tuple(faults))


def _unix_s(row: dict[str, str]) -> float | None:
    with contextlib.suppress(KeyError, ValueError):
        read = datetime.strptime(f"{row['date']} {row['time']}", "%Y%m%d %H:%M:%S")
        return read.replace(tzinfo=timezone.utc).timestamp() if row["gpu"].isdigit() else None
    return None


def _values(row: dict[str, str]) -> dict[str, float]:
    found = {}
    for name, (column, factor) in COLUMNS.items():
        with contextlib.suppress(KeyError, ValueError):  # not asked for, or not there: "-"
            found[f"gpu{row['gpu']}_{column}"] = float(row[name]) * factor
    return found
