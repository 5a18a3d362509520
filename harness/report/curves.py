"""Plots of lines: loss and mAP as training goes on, throughput with more GPUs and with larger batches."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from harness.measure.efficiency import STRONG, kinds
from harness.measure.record import Record, Run, repeats
from harness.measure.stats import Summary, summarise
from harness.report.charts import TITLES, WIDE, WORKS
from harness.report.selection import Setup
from harness.report.style import figure, foot, look, plain_log
from harness.text import number

EPOCH = "epoch"
BARS = "bar: 95 % interval of the median"
SCALING = "grey: perfect scaling from the smallest count; strong: the batch is that of all GPUs together, weak: of each"


class Line(NamedTuple):
    """Points of one set-up; `bars` are the 95 % intervals of y, where there are any."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    bars: Mapping[float, tuple[float, float]] = MappingProxyType({})


class Panel(NamedTuple):
    """Lines and their labels; `counted`: x are counts that double, and y grows by factors, too, where it does so."""

    x_label: str
    y_label: str
    lines: Sequence[Line]
    counted: bool = False
    ideal: Sequence[Line] = ()  # what perfect scaling would give


def learning(recipe: str, chains: Mapping[Setup, Record]) -> Figure | None:
    """Loss by epoch, mAP by epoch, mAP by time; a line for each run of each set-up."""
    told = [(setup.line, run) for setup, record in chains.items() for run in record.runs]
    panels = [
        Panel(EPOCH, "training loss", [_course(*one, "epoch_loss") for one in told]),
        Panel(EPOCH, "validation mAP", [_course(*one, "epoch_mAP") for one in told]),
        Panel("training time (min)", "validation mAP", [_course(*one, "epoch_mAP", by_time=True) for one in told]),
    ]
    return line_plot(f"Learning, recipe {recipe}", panels)


def gpus(recipe: str, of: Mapping[str, Mapping[Setup, Record]]) -> Figure | None:
    """Training on more GPUs: throughput beside what perfect scaling would give, and efficiency."""
    lines = _scaled({**of["train"], **of["scaling"]})
    ideal = [line._replace(y=[line.y[0] * x / line.x[0] for x in line.x], bars={}) for line in lines]
    shares = [
        line._replace(y=[100 * y / best for y, best in zip(line.y, perfect.y, strict=True)], bars={})
        for line, perfect in zip(lines, ideal, strict=True)
    ]
    panels = [
        Panel("GPUs", "training (images/s)", lines, counted=True, ideal=ideal),
        Panel("GPUs", "efficiency (%)", shares, counted=True),
    ]
    return line_plot(f"More GPUs, recipe {recipe}", panels, BARS, SCALING)


def batches(recipe: str, of: Mapping[str, Mapping[Setup, Record]]) -> Figure | None:
    """Throughput of each work by batch size."""
    panels = [
        Panel("batch size", f"{TITLES[case]} (images/s)", _batches(of[case], WORKS[case]), counted=True)
        for case in WORKS
    ]
    return line_plot(f"Batch size, recipe {recipe}", panels, BARS)


def line_plot(title: str, panels: Sequence[Panel], *notes: str) -> Figure | None:
    """Panels side by side; those without a point are left out, None where all are."""
    panels = [panel for panel in panels if any(len(line.x) for line in panel.lines)]
    if not panels:
        return None
    names = sorted({line.name for panel in panels for line in panel.lines})
    drawn = figure(2.7, title)
    all_axes = drawn.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _panel(axes, panel, names)
    foot(drawn, all_axes, *notes)
    return drawn


def _panel(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    for line in panel.ideal:
        axes.plot(line.x, line.y, color="#999999", linewidth=0.8, linestyle=":")
    for line in panel.lines:
        colour, marker, dash, *_ = look(names.index(line.name))
        axes.plot(line.x, line.y, color=colour, linestyle=dash, marker=marker, markersize=3, label=line.name)
        for x, bar in line.bars.items():
            axes.plot([x, x], bar, color=colour, linewidth=2.5, alpha=0.5)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
    xs, ys = (sorted(value for line in panel.lines for value in getattr(line, axis)) for axis in "xy")
    if panel.counted or (xs[0] > 0 and xs[-1] > WIDE * xs[0] and panel.x_label != EPOCH):
        plain_log(axes.xaxis, xs[0], xs[-1])
    else:
        axes.set_xlim(0, xs[-1] * 1.05 or 1)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if panel.counted:
        axes.set_xticks(sorted(set(xs)), [number(count) for count in sorted(set(xs))])
        axes.minorticks_off()
    if panel.counted and ys[-1] > 2 * ys[0]:
        plain_log(axes.yaxis, ys[0], ys[-1])
    else:
        axes.set_ylim(0, ys[-1] * 1.1 or 1)


def _scaled(trained: Mapping[Setup, Record]) -> list[Line]:
    """A line for each set-up and kind of scaling."""
    points = (
        (f"{_one_gpu(setup, kind).line}, {kind} scaling", setup.gpus, record)
        for setup, record in trained.items()
        for kind in kinds(record)
    )
    return _lines(points, WORKS["train"])


def _one_gpu(setup: Setup, kind: str) -> Setup:
    """What all points of a line have in common: frames of each GPU, or with strong scaling of all together."""
    return setup._replace(gpus=0, batch=setup.batch * setup.gpus if kind == STRONG else setup.batch)


def _batches(measured: Mapping[Setup, Record], quantity: str) -> list[Line]:
    """A line for each set-up but for its batch."""
    points = ((setup._replace(batch=0).line, setup.batch, record) for setup, record in measured.items())
    return _lines(points, quantity)


def _lines(points: Iterable[tuple[str, int, Record]], quantity: str) -> list[Line]:
    """Lines of (name, x, record) that have two or more values of x."""
    groups: dict[str, dict[int, Summary]] = {}
    for name, x, record in points:
        summary = summarise(repeats(record, quantity))
        if summary is not None and x:
            groups.setdefault(name, {})[x] = summary
    return [
        Line(
            name,
            sorted(found),
            [found[x].median for x in sorted(found)],
            {x: (one.low, one.high) for x, one in found.items() if one.low is not None and one.high is not None},
        )
        for name, found in groups.items()
        if len(found) > 1
    ]


def _course(name: str, run: Run, quantity: str, *, by_time: bool = False) -> Line:
    y, minutes = _values(run, quantity), _values(run, "epoch_end_s") / 60
    x = minutes if by_time else np.arange(1, len(y) + 1)
    points = [point for point in zip(x.tolist(), y.tolist(), strict=False) if np.isfinite(point).all()]
    return Line(name, [x for x, _ in points], [y for _, y in points])


def _values(run: Run, name: str) -> NDArray[np.float64]:
    found = [measurement.values for measurement in run.measurements if measurement.name == name]
    return np.array(found[0] if found else [], dtype=float)
