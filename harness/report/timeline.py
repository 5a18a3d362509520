"""Plots over time: utilisation, memory and power of one run, with what the workload was doing shaded behind them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.measure.record import Record
from harness.report.selection import GIB, setup
from harness.report.style import figure, foot, look

MOST_POINTS = 600  # more would not be seen, and make the SVG large
GAP_BEATS = 3.5  # a pause longer than this breaks the line
Columns = Mapping[str, NDArray[np.float64]]


class Curve(NamedTuple):
    """What one line shows: columns that match, added up or averaged over devices, in a unit that people read."""

    look: int  # 0: of GPUs, 1: of the rest of the machine
    pattern: str
    divisor: float = 1.0
    added: bool = False


GPU, HOST = 0, 1
STAGE = "stage "  # how phases that are a whole stage begin
NAMES = ("GPUs (memory and power: their sum)", "CPU (memory: resident, our processes)")
# (label of the axis, its top or None for what is there, lines)
PANELS: tuple[tuple[str, float | None, tuple[Curve, ...]], ...] = (
    ("utilisation (%)", 100, (Curve(GPU, r"gpu\d+_utilisation_pct"), Curve(HOST, "host_cpu_pct"))),
    (
        "memory (GiB)",
        None,
        (Curve(GPU, r"gpu\d+_memory_used_bytes", GIB, added=True), Curve(HOST, "tree_rss_bytes", GIB)),
    ),
    ("power (W)", None, (Curve(GPU, r"gpu\d+_power_w", added=True),)),
)


def timeline(record: Record, samples: Columns, phases: Sequence[Mapping[str, Any]]) -> Figure | None:
    """The longest run that was sampled; None where no sample shows anything that is drawn."""
    runs = sorted((run for run in record.runs if run.probed), key=lambda run: run.duration_s)
    if not runs or "unix_s" not in samples:
        return None
    run, table = runs[-1], pd.DataFrame(dict(samples))
    table = table[table["unix_s"].between(run.started_unix_s, run.started_unix_s + run.duration_s)]
    panels = [(label, top, [(curve, thin(table, curve)) for curve in curves]) for label, top, curves in PANELS]
    panels = [panel for panel in panels if any(len(line) for _, line in panel[2])]
    if not panels:
        return None
    unit_s, unit = (60.0, "min") if run.duration_s > 600 else (1.0, "s")
    drawn = figure(0.7 + 1.15 * len(panels), f"{record.case} on {setup(record).line}")
    shown = [phase for phase in phases if phase["run"] == run.number]
    half = any(phase["phase"].startswith(STAGE) for phase in shown)
    ratios = [1.7 if half else 1, *[5] * len(panels)]
    strip, *all_axes = drawn.subplots(1 + len(panels), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
    for phase in shown:
        left = (phase["started_unix_s"] - run.started_unix_s) / unit_s
        _phase(strip, all_axes, phase, (left, left + phase["duration_s"] / unit_s), run.duration_s / unit_s, half=half)
    for axes, (label, top, lines) in zip(all_axes, panels, strict=True):
        for curve, line in lines:
            like, x = look(curve.look), (line["unix_s"] - run.started_unix_s) / unit_s
            name = NAMES[curve.look] if len(line) else None
            axes.plot(x, line["mean"], color=like.colour, linestyle=like.dash, label=name)
            axes.fill_between(x, line["min"], line["max"], color=like.colour, alpha=0.2, linewidth=0)
        highest = max(line["max"].max() for _, line in lines if len(line))
        axes.set(ylabel=label, ylim=(0, 1.05 * (top or highest or 1)))
    strip.set(ylim=(0, 1))
    strip.set_yticks(*([0.25, 0.75], ["phase", "stage"]) if half else ([0.5], ["phase"]))
    strip.spines[:].set_visible(False)
    strip.tick_params(length=0)
    strip.grid(visible=False)
    all_axes[-1].set(xlabel=f"time since the start of run {run.number} ({unit})", xlim=(0, run.duration_s / unit_s))
    what = f"line: mean, band: lowest and highest sample, in steps of 1/{MOST_POINTS} of the time"
    foot(drawn, [strip, *all_axes], f"record {record.platform}/{record.id}", what)
    return drawn


def thin(table: pd.DataFrame, curve: Curve) -> pd.DataFrame:
    """Columns unix_s, mean, min and max of what `curve` shows, about MOST_POINTS rows; none where nothing was read.

    A row of NaN breaks the line where samples are missing for longer than a few beats.
    """
    found = table[[name for name in table if re.fullmatch(curve.pattern, name)]]
    value = (found.sum(axis=1, skipna=False) if curve.added else found.mean(axis=1)) / curve.divisor
    read = pd.DataFrame({"unix_s": table["unix_s"], "value": value}).dropna() if len(found.columns) else table[:0]
    if read.empty:
        return pd.DataFrame(columns=["unix_s", "mean", "min", "max"], dtype=float)
    pauses_s = read["unix_s"].diff().fillna(0)
    piece = (pauses_s > GAP_BEATS * pauses_s.median()).cumsum()
    grouped = read.groupby([piece, np.arange(len(read)) * MOST_POINTS // max(len(read), MOST_POINTS)])
    points = grouped["value"].agg(["mean", "min", "max"]).assign(unix_s=grouped["unix_s"].mean())
    breaks = points.groupby(level=0).tail(1).assign(mean=np.nan, min=np.nan, max=np.nan)
    return pd.concat([points, breaks]).sort_index(kind="stable")


def _phase(
    strip: Axes,
    all_axes: Sequence[Axes],
    phase: Mapping[str, Any],
    ends: tuple[float, float],
    total: float,
    *,
    half: bool,
) -> None:
    """A box in the strip and its tint behind the lines, the shorter above the longer; stages have the upper half."""
    name, width, number = phase["phase"], ends[1] - ends[0], str(phase.get("epoch", ""))
    stage = name.startswith(STAGE)
    known = list(dict.fromkeys([*strip.get_legend_handles_labels()[1], name]))
    like = look(known.index(name))._replace(**{"tint": "white", "hatch": ""} if stage else {})
    below, above = (0.5, 1.0) if stage else (0.0, 0.5 if half else 1.0)
    box: dict[str, Any] = {"fc": like.tint, "ec": "#777777", "lw": 0.4, "zorder": 1 - width / total}
    strip.axvspan(*ends, below, above, hatch=like.hatch, label=None if stage else name, **box)
    for axes in [] if stage else all_axes:
        axes.axvspan(*ends, facecolor=like.tint, alpha=0.5, linewidth=0, zorder=-width / total)
    word = name.removeprefix(STAGE) if stage else number
    if word and width > 0.012 * len(word) * total:
        strip.text(sum(ends) / 2, (below + above) / 2, word, ha="center", va="center", fontsize=6, clip_on=True)
