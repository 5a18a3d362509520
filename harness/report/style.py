"""How every plot looks: colours, legend and notes at the foot; the same values give the same bytes."""

import io
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

WIDTH_INCH = 7.0  # two columns of a paper, and as wide as a README shows
LINE_INCH = 0.16  # of the legend and of small print


class Look(NamedTuple):
    """What distinguishes one series from the next, in colour, in grey and for colour-blind readers."""

    colour: str
    marker: str
    dash: Any
    hatch: str
    tint: str  # a light shade of the colour, as a background of text


# Colours of Okabe and Ito (2008), in an order in which neighbours differ in lightness.
# Markers, dashes and hatches differ too, for print in black and white.
LOOKS = (
    Look("#0072B2", "o", "-", "", "#cfe3f2"),
    Look("#E69F00", "s", "--", "///", "#fbe3b3"),
    Look("#000000", "^", ":", "...", "#e4e4e4"),
    Look("#009E73", "D", "-.", "xx", "#c4e8dc"),
    Look("#56B4E9", "v", (0, (5, 1, 1, 1, 1, 1)), "\\\\\\", "#e3f3fb"),
    Look("#D55E00", "P", (0, (1, 1)), "--", "#f5cfb8"),
    Look("#CC79A7", "X", (0, (8, 2)), "++", "#f0d5e4"),
    Look("#7f7f7f", "*", (0, (3, 1)), "||", "#ffffff"),
)


def look(position: int) -> Look:
    """The look of the series at `position`; they repeat after the last."""
    return LOOKS[position % len(LOOKS)]


@contextmanager
def style() -> Iterator[None]:
    """Draw with our settings, whatever a matplotlibrc of the user says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        matplotlib.style.use("harness.report.paper")
        yield


def new_figure(height_inch: float, title: str) -> Figure:
    """An empty figure with a title, made without pyplot, which would keep a reference to it."""
    figure = Figure(figsize=(WIDTH_INCH, height_inch))
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def render(figure: Figure) -> dict[str, bytes]:
    """{"png": bytes, "svg": bytes}, without the date and the version they would otherwise hold."""
    pictures = {}
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, metadata=metadata)
        pictures[kind] = stream.getvalue()
    return pictures


def add_foot(figure: Figure, all_axes: Iterable[Axes], *notes: str) -> None:
    """Below the panels: one legend for all of them, and how to read the figure in small print."""
    named: dict[str, Any] = {}
    for axes in all_axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(name, handle)
    columns = max(1, int(WIDTH_INCH / (0.07 * max(map(len, named), default=1) + 0.5)))
    small_print = textwrap.wrap("; ".join(notes), 150)
    above_print = LINE_INCH * len(small_print) + 0.05
    foot_inch = above_print + LINE_INCH * -(-len(named) // columns) + 0.05
    total_inch = figure.get_figheight() + foot_inch
    figure.set_figheight(total_inch)
    figure.set_layout_engine("constrained", rect=(0, foot_inch / total_inch, 1, 1 - foot_inch / total_inch))
    place = (0.005, above_print / total_inch)
    if named:
        legend = figure.legend(named.values(), named.keys(), loc="lower left", ncols=columns, borderpad=0)
        legend.set_bbox_to_anchor(place)
    figure.text(0.01, 0.04 / total_inch, "\n".join(small_print), fontsize=6.5, color="#444444", va="bottom")


def log_axis(axis: Axis, smallest: float, largest: float, *, air: float = 1.2) -> None:
    """Make an axis logarithmic, with plain numbers; `air` is the factor left free above the largest value."""
    limits = (smallest / 1.2, largest * air)
    letter = "x" if axis is axis.axes.xaxis else "y"
    axis.axes.set(**{f"{letter}scale": "log", f"{letter}lim": limits})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if largest < 30 * smallest else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(LogLocator(subs=tuple(range(1, 10))))
    axis.set_minor_formatter(NullFormatter())
