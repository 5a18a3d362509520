"""What was seen, in short: figures for programs, and the same as text for a terminal."""

import itertools
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.samples import THROTTLE_REASONS, is_total, unit_of
from probe.table import table

SCHEMA_VERSION = 1
CLOCKS = ("unix_s", "late_s")
ENERGY = "_energy_total_j"
THROTTLED = "throttle_reasons"
HEADING = ("metric", "unit", "mean", "median", "p95", "min", "max", "change")
# Bytes are shown in the largest of these that leaves a whole number.
SCALES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
Columns = Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricSummary:
    """One column of the samples. Of a total `change` alone says something, and of others all but `change`."""

    metric: str
    unit: str
    samples: int  # numbers read
    mean: float | None = None
    median: float | None = None
    p95: float | None = None
    min: float | None = None
    max: float | None = None
    change: float | None = None  # last minus first; None of a single number, or where it went back


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A command that was watched, from its start to its end."""

    schema_version: int = SCHEMA_VERSION
    command: tuple[str, ...]
    exit_status: int  # 128+n where signal n ended it
    started_unix_s: float
    duration_s: float
    cpu_s: float  # of the command and of its children that it waited for
    cpu_pct: float  # of one core: 200 is two cores busy all the time
    peak_memory_bytes: int | None  # resident, the highest that was seen; None where nobody saw any
    energy_j: Mapping[str, float]  # device -> joules by its counter; devices without one are left out
    throttled: Mapping[str, tuple[str, ...]]  # GPU -> why its clocks were held down
    samples: int  # beats at which something was read
    missed_beats: int
    faults: tuple[str, ...]  # in words
    metrics: tuple[MetricSummary, ...]


def summarise_metrics(columns: Columns) -> tuple[MetricSummary, ...]:
    """Every metric of which there is a number; bits are none. Percentiles are interpolated linearly."""
    names = [name for name in columns if name not in CLOCKS and not name.endswith(THROTTLED)]
    numbers = {name: [value for value in columns[name] if math.isfinite(value)] for name in names}
    return tuple(_summarise(name, values) for name, values in numbers.items() if values)


def _summarise(name: str, values: list[float]) -> MetricSummary:
    unit, count = unit_of(name), len(values)
    if is_total(name):
        was_reset = any(now < before for before, now in itertools.pairwise(values))
        change = values[-1] - values[0] if count > 1 and not was_reset else None
        return MetricSummary(metric=name, unit=unit, samples=count, change=change)
    ordered = sorted(values)
    return MetricSummary(
        metric=name,
        unit=unit,
        samples=count,
        mean=math.fsum(values) / count,
        median=_percentile(ordered, 0.5),
        p95=_percentile(ordered, 0.95),
        min=ordered[0],
        max=ordered[-1],
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def energy_j(metrics: Iterable[MetricSummary]) -> dict[str, float]:
    """Joules by device: gpu0 … as CUDA counts them, and cpu."""
    counters = {one.metric.removesuffix(ENERGY): one for one in metrics if one.metric.endswith(ENERGY)}
    return {device: round(one.change, 3) for device, one in counters.items() if one.change is not None}


def throttled(columns: Columns) -> dict[str, tuple[str, ...]]:
    """Why each GPU's clocks were held down at any time, where they were."""
    bits = {
        name.partition("_")[0]: {int(value) for value in values if math.isfinite(value)}
        for name, values in columns.items()
        if name.endswith(THROTTLED)
    }
    reasons = {
        gpu: tuple(reason for bit, reason in THROTTLE_REASONS.items() if any(value & bit for value in values))
        for gpu, values in bits.items()
    }
    return {gpu: words for gpu, words in reasons.items() if words}


def missed_beats(columns: Columns, *, gpu_hz: float, host_hz: float) -> int:
    """How many beats came and went between the samples that there are."""
    period_s = 1 / max(gpu_hz if any(name.startswith("gpu") for name in columns) else 0.0, host_hz)
    due_s = [time_s - late_s for time_s, late_s in zip(columns["unix_s"], columns["late_s"], strict=True)]
    return sum(max(round((then_s - now_s) / period_s) - 1, 0) for now_s, then_s in itertools.pairwise(due_s))


def as_text(summary: Summary) -> str:
    """For people."""
    facts = [
        ("command", " ".join(shlex.join(summary.command).split())),
        ("exit status", str(summary.exit_status)),
        ("duration", f"{_figure(summary.duration_s)} s"),
        ("CPU", f"{_figure(summary.cpu_s)} s, {_figure(summary.cpu_pct)} % of a core"),
        ("peak memory", _memory(summary.peak_memory_bytes)),
        *((f"energy of {device}", f"{_figure(joules)} J") for device, joules in summary.energy_j.items()),
        *((f"{gpu} throttled", ", ".join(reasons)) for gpu, reasons in summary.throttled.items()),
        ("samples", f"{summary.samples}, {summary.missed_beats} beats missed"),
        *(("fault", fault) for fault in summary.faults),
    ]
    parts = [table(facts, numbers_from=len(facts[0])), metrics_as_text(summary.metrics)]
    return "\n".join(filter(None, parts))


def metrics_as_text(metrics: Iterable[MetricSummary]) -> str:
    """The table of metrics; empty where there are none."""
    rows = [_row(one) for one in metrics]
    return "\n" + table([HEADING, *rows], numbers_from=2) if rows else ""


def _row(one: MetricSummary) -> tuple[str, ...]:
    figures = (one.mean, one.median, one.p95, one.min, one.max, one.change)
    divisor, unit = _scale(max((abs(value) for value in figures if value is not None), default=0.0), one.unit)
    return (one.metric, unit, *("" if value is None else _figure(value / divisor) for value in figures))


def _memory(value_bytes: int | None) -> str:
    if value_bytes is None:
        return "unknown: it was over too soon"
    divisor, unit = _scale(value_bytes, "bytes")
    return f"{_figure(value_bytes / divisor)} {unit}"


def _scale(most: float, unit: str) -> tuple[float, str]:
    if not unit.startswith("bytes"):
        return 1.0, unit
    divisor, prefixed = next(((size, name) for size, name in SCALES if most >= size), (1.0, "bytes"))
    return divisor, unit.replace("bytes", prefixed)


def _figure(value: float) -> str:
    """Four digits, or all of a larger whole number."""
    digits = 3 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(digits, 0), 3)}f}"
