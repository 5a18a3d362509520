"""What figures are made of: panels of one quantity each, with rows of dots below each other or with lines."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.measure.stats import summarise
from harness.report.style import add_foot, log_axis, look, marker_of, new_figure, wrapped
from harness.text import number

MOST_ROWS = 40
MOST_NUMBERS = 3  # in a row; of more, the dots alone are shown
ROW_LETTERS = 50  # of a line of a row's name; a longer one is wrapped, so that the axis stays wide
LEAST_SHARE = 0.2  # of an axis, which its values keep however long the words beside them are
WIDE = 20.0  # times the smallest value: beyond that the axis is logarithmic
EPOCH = "epoch"
DOTS = "tick: a run; dot: mean of a bench; bar: its 95 % interval, without the spread between benches"
HOLLOW = "hollow: not comparable with others, the record says why"


class Dots(NamedTuple):
    """The repeats of one quantity in one row."""

    row: str
    values: Sequence[float]
    look: int
    hollow: bool
    name: str = ""  # in the legend; "" for none
    remark: str = ""  # beside the number of the mean


class Line(NamedTuple):
    """Points of one series; `intervals` are ranges of y by x, where there are any."""

    name: str  # in the legend
    x: Sequence[float]
    y: Sequence[float]
    intervals: Mapping[float, tuple[float, float]] = MappingProxyType({})


class Panel(NamedTuple):
    """One quantity, as dots or as lines."""

    x_label: str  # with the unit
    y_label: str = ""
    title: str = ""
    dots: Sequence[Dots] = ()
    lines: Sequence[Line] = ()
    ideal: Sequence[Line] = ()  # what perfect scaling would give
    counts: bool = False  # x are counts that double; y, too, where it more than doubles

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value of its dots."""
        values = [value for dots in self.dots for value in dots.values]
        return min(values), max(values)


def dot_plot(title: str, panels: Sequence[Panel], order: Sequence[str], *more: str) -> Figure | None:
    """Panels below each other, each with the rows that it has dots in; None where nothing has any.

    Rows are in the order of `order`; `more` are notes for the foot.
    """
    panels = [panel._replace(dots=[dots for dots in panel.dots if dots.values]) for panel in panels]
    panels = [panel for panel in panels if panel.dots]
    every = [dots for panel in panels for dots in panel.dots]
    if not every:
        return None
    rows = [[row for row in order if row in {dots.row for dots in panel.dots}] for panel in panels]
    shown = [names[:MOST_ROWS] for names in rows]
    left_out = sum(map(len, rows)) - sum(map(len, shown))
    lines = max(wrapped(row, ROW_LETTERS).count("\n") for names in shown for row in names) + 1
    looks = len({dots.look for dots in every})
    row_inch = max(0.1 + 0.13 * lines, (0.15 if looks <= MOST_NUMBERS else 0.11) * looks)
    heights = [0.6 + row_inch * len(names) for names in shown]
    figure = new_figure(0.3 + sum(heights), title)
    all_axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    wide = any(panel.ends[1] > WIDE * panel.ends[0] > 0 for panel in panels)
    for axes, panel, names in zip(all_axes, panels, shown, strict=True):
        _draw_rows(axes, panel, names, log=wide and panel.ends[0] > 0)
    notes = [DOTS]
    notes += [f"{left_out} more rows are in the records"] if left_out > 0 else []
    notes += [HOLLOW] if any(dots.hollow for dots in every) else []
    add_foot(figure, all_axes, *notes, *more)
    figure.draw_without_rendering()  # decides how wide the axes are
    for axes in all_axes:
        _make_room(axes)
    return figure


def _make_room(axes: Axes) -> None:
    """Let the axis go on to the right until the words beside its values end within it."""
    scale = axes.xaxis.get_transform()
    low, high = scale.transform(axes.get_xlim())
    width = axes.get_window_extent().width
    for words in axes.texts:
        value = words.xy[0]  # type: ignore[attr-defined]
        reach = words.get_window_extent().x1 - axes.transData.transform((value, 0))[0]
        # Rounded, as the layout differs in its last digits from process to process.
        share = max(round(0.99 - reach / width, 3), LEAST_SHARE)
        high = max(high, low + (float(scale.transform(value)) - low) / share)
    axes.set_xlim(right=float(scale.inverted().transform(high)))


def _draw_rows(axes: Axes, panel: Panel, rows: Sequence[str], *, log: bool) -> None:
    for row, name in enumerate(rows):
        if row % 2:
            axes.axhspan(row - 0.5, row + 0.5, color="#f3f3f3", linewidth=0, zorder=0)
        beside = [dots for dots in panel.dots if dots.row == name]
        for place, dots in enumerate(beside):
            height = row + (place - (len(beside) - 1) / 2) * 0.7 / len(beside)
            _draw_dots(axes, height, dots, numbered=len(beside) <= MOST_NUMBERS)
    axes.set_yticks(range(len(rows)), [wrapped(row, ROW_LETTERS) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    if log:
        log_axis(axes.xaxis, *panel.ends)
    else:
        axes.set_xlim(0, panel.ends[1] * 1.05 or 1)
    axes.set(title=panel.title, xlabel=panel.x_label)
    axes.grid(axis="y", visible=False)


def _draw_dots(axes: Axes, height: float, dots: Dots, *, numbered: bool) -> None:
    summary, like = summarise(dots.values), look(dots.look)
    if summary is None:
        return
    axes.plot(dots.values, [height] * len(dots.values), "|", color=like.colour, alpha=0.6, markersize=6)
    if summary.low is not None and summary.high is not None:
        axes.plot([summary.low, summary.high], [height, height], color=like.colour, linewidth=2.5, alpha=0.5)
    marker = marker_of(like, hollow=dots.hollow)
    axes.plot(summary.mean, height, **marker, markersize=5, linestyle="", label=dots.name or None)
    if numbered:
        at = (max(dots.values), height)
        axes.annotate(
            f"{number(summary.mean)} {dots.remark}".rstrip(),
            at,
            (5, 0),
            textcoords="offset points",
            va="center",
            size=7,
        )


def line_plot(title: str, panels: Sequence[Panel], *notes: str) -> Figure | None:
    """Panels side by side; those without a point are left out, None where all are."""
    panels = [panel for panel in panels if any(line.x for line in panel.lines)]
    if not panels:
        return None
    names = sorted({line.name for panel in panels for line in panel.lines})
    figure = new_figure(2.7, title)
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_lines(axes, panel, names)
    add_foot(figure, all_axes, *notes)
    return figure


def _draw_lines(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    for line in panel.ideal:
        axes.plot(line.x, line.y, color="#999999", linewidth=0.8, linestyle=":")
    for line in panel.lines:
        like = look(names.index(line.name))
        axes.plot(line.x, line.y, **marker_of(like), linestyle=like.dash, markersize=4.5, label=line.name)
        for x, interval in line.intervals.items():
            axes.plot([x, x], interval, color=like.colour, linewidth=2.5, alpha=0.5)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
    xs = sorted({x for line in panel.lines for x in line.x})
    ys = [y for line in panel.lines for y in line.y]
    if panel.counts or (xs[0] > 0 and xs[-1] > WIDE * xs[0] and panel.x_label != EPOCH):
        log_axis(axes.xaxis, xs[0], xs[-1])
    else:
        axes.set_xlim(0, xs[-1] * 1.05 or 1)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if panel.counts:
        axes.set_xticks(xs, [number(count) for count in xs])
        axes.minorticks_off()
    if panel.counts and max(ys) > 2 * min(ys):
        log_axis(axes.yaxis, min(ys), max(ys))
    else:
        axes.set_ylim(0, max(ys) * 1.1 or 1)
