"""How every plot looks: one palette, a legend and notes at the foot, the same bytes for the same values."""

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
    """What tells one series from the next, in colour, in grey and for eyes that see no red or no green."""

    colour: str
    marker: str
    dash: Any
    hatch: str
    tint: str  # the hue made light, to read upon


# Colours of Okabe and Ito (2008), in an order in which neighbours differ in lightness; markers, dashes and hatches
# say the same once more for print in black and white.
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
    """The look of the series at `position`; they begin again after the last."""
    return LOOKS[position % len(LOOKS)]


@contextmanager
def style() -> Iterator[None]:
    """Draw with our rules, whatever a matplotlibrc of the user says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        matplotlib.style.use("harness.report.paper")
        yield


def figure(height_inch: float, title: str) -> Figure:
    """An empty figure with a title; apart from pyplot, which would keep it alive."""
    made = Figure(figsize=(WIDTH_INCH, height_inch))
    made.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return made


def render(drawn: Figure) -> dict[str, bytes]:
    """{"png": bytes, "svg": bytes}, without the date and the version they would otherwise hold."""
    pictures = {}
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        stream = io.BytesIO()
        drawn.savefig(stream, format=kind, metadata=metadata)
        pictures[kind] = stream.getvalue()
    return pictures


def foot(drawn: Figure, all_axes: Iterable[Axes], *notes: str) -> None:
    """Below the panels: one legend for all of them, and how to read the figure in small print."""
    named: dict[str, Any] = {}
    for axes in all_axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(name, handle)
    columns = max(1, int(WIDTH_INCH / (0.07 * max(map(len, named), default=1) + 0.5)))
    small_print = textwrap.wrap("; ".join(notes), 150)
    above_print = LINE_INCH * len(small_print) + 0.05
    foot_inch = above_print + LINE_INCH * -(-len(named) // columns) + 0.05
    total_inch = drawn.get_figheight() + foot_inch
    drawn.set_figheight(total_inch)
    drawn.set_layout_engine("constrained", rect=(0, foot_inch / total_inch, 1, 1 - foot_inch / total_inch))
    place = (0.005, above_print / total_inch)
    if named:
        drawn.legend(named.values(), named.keys(), loc="lower left", bbox_to_anchor=place, ncols=columns, borderpad=0)
    drawn.text(0.01, 0.04 / total_inch, "\n".join(small_print), fontsize=6.5, color="#444444", va="bottom")


def plain_log(axis: Axis, smallest: float, largest: float, *, air: float = 1.2) -> None:
    """A logarithmic axis with numbers that people read; `air` is the factor left free above the largest value."""
    limits = (smallest / 1.2, largest * air)
    axis.axes.set(xscale="log", xlim=limits) if axis is axis.axes.xaxis else axis.axes.set(yscale="log", ylim=limits)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if largest < 30 * smallest else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(LogLocator(subs=tuple(range(1, 10))))
    axis.set_minor_formatter(NullFormatter())
