"""Plots of figures side by side: throughput, energy and stage times, as dots with their 95 % intervals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.measure.comparability import reasons
from harness.measure.record import Record, repeats
from harness.measure.stats import FEWEST, summarise
from harness.report.selection import Setup, energy_name, joules_per_1000
from harness.report.style import figure, foot, look, plain_log
from harness.text import number
from harness.workspace.marker import STAGES

MOST_ROWS = 40
MOST_NUMBERS = 3  # in a row; of more, the dots alone are shown
WIDE = 20.0  # times the smallest: beyond that the axis is logarithmic
HOLLOW = "hollow: not comparable with others, the record says why"
WORKS = {"train": "train_images_per_s", "evaluate": "images_per_s", "inference": "images_per_s"}
TITLES = {"train": "training", "evaluate": "evaluation", "inference": "inference"}


class Dots(NamedTuple):
    """One row's repeats of one quantity."""

    row: str
    values: Sequence[float]
    look: int
    hollow: bool
    name: str = ""  # in the legend; "" for none


class Panel(NamedTuple):
    """One quantity; all panels of a figure share their rows."""

    title: str
    label: str  # of the axis, with the unit
    dots: Sequence[Dots]

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(min(dots.values) for dots in self.dots), max(max(dots.values) for dots in self.dots)


def throughput(recipe: str, of: Mapping[str, Mapping[Setup, Record]]) -> Figure | None:
    """Images per second of training, evaluation and inference; `of` holds the records of each case."""
    panels = [
        Panel(TITLES[case], "throughput (images/s)", [_dots(*one, repeats(one[1], name)) for one in of[case].items()])
        for case, name in WORKS.items()
    ]
    return dot_plot(f"Throughput, recipe {recipe}", panels, _rows(of))


def energy(recipe: str, of: Mapping[str, Mapping[Setup, Record]]) -> Figure | None:
    """Joules for 1,000 images, of the GPUs and of the CPU apart."""
    panels = []
    for case, title in TITLES.items():
        dots = [
            _dots(setup, record, joules_per_1000(record, kind), look=place, name=energy_name(record, kind))
            for setup, record in of[case].items()
            for place, kind in enumerate(("gpu", "cpu"))
        ]
        panels.append(Panel(title, "energy (J per 1,000 images)", dots))
    return dot_plot(f"Energy, recipe {recipe}", panels, _rows(of))


def stage_times(recipe: str, chains: Mapping[Setup, Record]) -> Figure | None:
    """Seconds of each stage of the workflow, set-ups side by side."""
    dots = [
        Dots(stage, repeats(record, "stage_s", of=stage), place, bool(reasons(record)), setup.line)
        for stage in STAGES
        for place, (setup, record) in enumerate(chains.items())
    ]
    return dot_plot(f"Time of each stage, recipe {recipe}", [Panel("", "time (s)", dots)], STAGES)


def _rows(of: Mapping[str, Mapping[Setup, Record]]) -> list[str]:
    return [setup.words for setup in sorted({setup for setups in of.values() for setup in setups})]


def dot_plot(title: str, panels: Sequence[Panel], order: Sequence[str]) -> Figure | None:
    """Rows of dots in that order, a panel for each quantity that has any; None where nothing has."""
    panels = [panel._replace(dots=[dots for dots in panel.dots if len(dots.values)]) for panel in panels]
    panels = [panel for panel in panels if panel.dots]
    filled = {dots.row for panel in panels for dots in panel.dots}
    rows = [row for row in order if row in filled]
    if not rows:
        return None
    shown, left_out = rows[:MOST_ROWS], len(rows) - MOST_ROWS
    series = len({dots.look for panel in panels for dots in panel.dots})
    lines = max(row.count("\n") for row in shown) + 1
    drawn = figure(0.9 + max(0.1 + 0.13 * lines, 0.11 * series) * len(shown), title)
    all_axes = drawn.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    wide = any(panel.ends[1] > WIDE * panel.ends[0] > 0 for panel in panels)
    for axes, panel in zip(all_axes, panels, strict=True):
        _panel(axes, panel, shown, wide=wide and panel.ends[0] > 0)
    all_axes[0].set_yticks(range(len(shown)), shown)
    all_axes[0].set_ylim(len(shown) - 0.5, -0.5)
    notes = [f"{left_out} more rows are in the records"] if left_out > 0 else []
    notes += [HOLLOW] if any(dots.hollow for panel in panels for dots in panel.dots) else []
    foot(drawn, all_axes, f"dot: median; bar: 95 % interval, from {FEWEST} repeats on; tick: a repeat", *notes)
    return drawn


def _panel(axes: Axes, panel: Panel, rows: Sequence[str], *, wide: bool) -> None:
    for row, name in enumerate(rows):
        if row % 2:
            axes.axhspan(row - 0.5, row + 0.5, color="#f3f3f3", linewidth=0, zorder=0)
        beside = [dots for dots in panel.dots if dots.row == name]
        for place, dots in enumerate(beside):
            height = row + (place - (len(beside) - 1) / 2) * 0.7 / len(beside)
            _draw(axes, height, dots, numbered=len(beside) <= MOST_NUMBERS)
    if wide:
        plain_log(axes.xaxis, *panel.ends, air=3)
    else:
        axes.set_xlim(0, panel.ends[1] * 1.35 or 1)
    axes.set(title=panel.title, xlabel=panel.label)
    axes.grid(axis="y", visible=False)


def _draw(axes: Axes, height: float, dots: Dots, *, numbered: bool) -> None:
    found, like = summarise(dots.values), look(dots.look)
    if found is None:
        return
    axes.plot(dots.values, [height] * len(dots.values), "|", color=like.colour, alpha=0.6, markersize=6)
    if found.low is not None and found.high is not None:
        axes.plot([found.low, found.high], [height, height], color=like.colour, linewidth=2.5, alpha=0.5)
    face = "white" if dots.hollow else like.colour
    axes.plot(found.median, height, like.marker, color=like.colour, markerfacecolor=face, label=dots.name or None)
    if numbered:
        at = (max(dots.values), height)
        axes.annotate(number(found.median), at, (5, 0), textcoords="offset points", va="center", size=7)


def _dots(setup: Setup, record: Record, values: Sequence[float], *, look: int = 0, name: str = "") -> Dots:
    return Dots(setup.words, values, look, bool(reasons(record)), name)
