"""Plots over time: utilisation, memory and power of one run, with its phases shaded behind the lines."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.measure.record import Record, Run
from harness.report.selection import GIB, origin, setup
from harness.report.style import add_foot, look, new_figure

MOST_POINTS = 600  # more would not be seen, and make the SVG large
LEAST_SHARE = 0.004  # of the run's time: a phase that never lasts as long is not seen, and not in the legend
GAP_BEATS = 3.5  # a pause longer than this breaks the line
STAGE = "stage "  # the names of phases that are a whole stage begin with it
GPU, CPU, ALL = "GPUs (memory and power: their sum)", "CPU and memory of our processes", "CPU, everybody's"
DEVICES = (GPU, CPU, ALL)
Columns = Mapping[str, NDArray[np.float64]]


class Metric(NamedTuple):
    """What one line shows: the columns that match, averaged over devices or added up, over `divisor`."""

    device: str  # one of DEVICES
    pattern: str
    divisor: float = 1.0
    added: bool = False


class Quantity(NamedTuple):
    """What one panel shows: one line or two."""

    label: str  # with the unit
    metrics: tuple[Metric, ...]
    top: float | None = None  # of the axis; None: the highest value


QUANTITIES = (
    Quantity(
        "utilisation (%)",
        (Metric(GPU, r"gpu\d+_utilisation_pct"), Metric(ALL, "host_cpu_pct"), Metric(CPU, "tree_cpu_pct")),
        top=100,
    ),
    Quantity(
        "memory (GiB)",
        (Metric(GPU, r"gpu\d+_memory_used_bytes", GIB, added=True), Metric(CPU, "tree_rss_bytes", GIB)),
    ),
    Quantity("power (W)", (Metric(GPU, r"gpu\d+_power_w", added=True),)),
)


def timeline(record: Record, samples: Columns, phases: Sequence[Mapping[str, Any]]) -> Figure | None:
    """The longest run that was sampled; None where no sample shows anything that is drawn."""
    runs = sorted((run for run in record.runs if run.probed), key=lambda run: run.duration_s)
    if not runs or "unix_s" not in samples:
        return None
    run, table = runs[-1], pd.DataFrame(dict(samples))
    table = table[table["unix_s"].between(run.started_unix_s, run.started_unix_s + run.duration_s)]
    panels = [(quantity, [thin(table, metric) for metric in quantity.metrics]) for quantity in QUANTITIES]
    panels = [(quantity, lines) for quantity, lines in panels if any(map(len, lines))]
    if not panels:
        return None
    unit_s, unit = (60.0, "min") if run.duration_s > 600 else (1.0, "s")
    figure = new_figure(0.7 + 1.15 * len(panels), f"{record.case} on {setup(record).line}")
    phases = [phase for phase in phases if phase["run"] == run.number]
    rows = ["phase", "stage"] if any(map(_is_stage, phases)) else ["phase"]
    heights = [1 if len(rows) == 1 else 1.7, *[5] * len(panels)]
    strip, *all_axes = figure.subplots(len(heights), sharex=True, height_ratios=heights)
    _draw_phases(strip, all_axes, phases, run, unit_s)
    _label_strip(strip, rows)
    for axes, (quantity, lines) in zip(all_axes, panels, strict=True):
        _draw_lines(axes, quantity, lines, run, unit_s)
    all_axes[-1].set_xlabel(f"time since the start of run {run.number} ({unit})")
    all_axes[-1].set_xlim(0, run.duration_s / unit_s)
    what = f"line: mean, band: lowest and highest sample, in steps of 1/{MOST_POINTS} of the time"
    source = f"record {record.platform}/{record.id} ({origin([record])})"
    add_foot(figure, [strip, *all_axes], source, what, *_too_short(phases, run))
    return figure


def thin(table: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Columns unix_s, mean, min and max of a metric, about MOST_POINTS rows; none where nothing was read.

    A row of NaN breaks the line where samples are missing for longer than a few beats.
    """
    columns = table[[name for name in table if re.fullmatch(metric.pattern, name)]]
    if columns.columns.empty:
        return _no_points()
    values = (columns.sum(axis=1, skipna=False) if metric.added else columns.mean(axis=1)) / metric.divisor
    read = pd.DataFrame({"unix_s": table["unix_s"], "value": values}).dropna()
    if read.empty:
        return _no_points()
    pauses_s = read["unix_s"].diff().fillna(0)
    piece = (pauses_s > GAP_BEATS * pauses_s.median()).cumsum()
    grouped = read.groupby([piece, np.arange(len(read)) * MOST_POINTS // max(len(read), MOST_POINTS)])
    points = grouped["value"].agg(["mean", "min", "max"]).assign(unix_s=grouped["unix_s"].mean())
    breaks = points.groupby(level=0).tail(1).assign(mean=np.nan, min=np.nan, max=np.nan)
    return pd.concat([points, breaks]).sort_index(kind="stable")


def _no_points() -> pd.DataFrame:
    return pd.DataFrame(columns=["unix_s", "mean", "min", "max"], dtype=float)


def _draw_lines(
    axes: Axes,
    quantity: Quantity,
    lines: Sequence[pd.DataFrame],
    run: Run,
    unit_s: float,
) -> None:
    for metric, line in zip(quantity.metrics, lines, strict=True):
        like = look(DEVICES.index(metric.device))
        x = (line["unix_s"] - run.started_unix_s) / unit_s
        name = metric.device if len(line) else None
        axes.plot(x, line["mean"], color=like.colour, linestyle=like.dash, label=name)
        axes.fill_between(x, line["min"], line["max"], color=like.colour, alpha=0.2, linewidth=0)
    highest = max(line["max"].max() for line in lines if len(line))
    axes.set(ylabel=quantity.label, ylim=(0, 1.05 * (quantity.top or highest or 1)))


def _draw_phases(
    strip: Axes, all_axes: Sequence[Axes], phases: Sequence[Mapping[str, Any]], run: Run, unit_s: float
) -> None:
    """A box in the strip for each phase, and its tint behind the lines; stages are in the upper half."""
    longest = _longest_s(phases)
    names = [*longest]
    top = 0.5 if any(map(_is_stage, phases)) else 1.0
    for phase in phases:
        name, share = phase["phase"], phase["duration_s"] / run.duration_s
        left = (phase["started_unix_s"] - run.started_unix_s) / unit_s
        ends = left, left + phase["duration_s"] / unit_s
        if _is_stage(phase):
            _draw_box(strip, ends, (0.5, 1.0), share, name.removeprefix(STAGE), facecolor="white")
            continue
        like = look(names.index(name))
        colours = {"facecolor": like.tint, "hatch": like.hatch}
        if longest[name] >= LEAST_SHARE * run.duration_s:
            colours["label"] = name
        _draw_box(strip, ends, (0.0, top), share, str(phase.get("epoch", "")), **colours)
        for axes in all_axes:
            axes.axvspan(*ends, facecolor=like.tint, alpha=0.5, linewidth=0, zorder=-share)


def _longest_s(phases: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Name -> seconds of the longest phase of that name, in the order in which they first occur."""
    longest: dict[str, float] = {}
    for phase in phases:
        if not _is_stage(phase):
            longest[phase["phase"]] = max(longest.get(phase["phase"], 0.0), phase["duration_s"])
    return longest


def _too_short(phases: Sequence[Mapping[str, Any]], run: Run) -> list[str]:
    least_s = LEAST_SHARE * run.duration_s
    names = [name for name, longest_s in _longest_s(phases).items() if longest_s < least_s]
    return [f"too short to be seen: {', '.join(names)}"] if names else []


def _draw_box(
    strip: Axes, ends: tuple[float, float], rows: tuple[float, float], share: float, word: str, **looks: Any
) -> None:
    """A box, with a word where it is wide enough; one of a smaller share of the time lies above others."""
    strip.axvspan(*ends, *rows, edgecolor="#777777", linewidth=0.4, zorder=1 - share, **looks)
    if word and share > 0.012 * len(word):
        strip.text(sum(ends) / 2, sum(rows) / 2, word, ha="center", va="center", fontsize=6, clip_on=True)


def _label_strip(strip: Axes, rows: Sequence[str]) -> None:
    strip.set(ylim=(0, 1))
    strip.set_yticks([(place + 0.5) / len(rows) for place in range(len(rows))], rows)
    strip.spines[:].set_visible(False)
    strip.tick_params(length=0)
    strip.grid(visible=False)


def _is_stage(phase: Mapping[str, Any]) -> bool:
    return str(phase["phase"]).startswith(STAGE)
