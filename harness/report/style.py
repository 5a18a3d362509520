"""How every plot looks: colours, legend and notes at the foot; the same values give the same bytes."""

import io
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.style
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

WIDTH_INCH = 7.0  # two columns of a paper, and as wide as a README shows
LINE_INCH = 0.16  # of the legend and of small print
LEGEND_LETTERS = 95  # of a name in it: as many as WIDTH_INCH holds beside the marker
# With letters that matplotlib's own font lacks.
WIDER_FONTS = (
    *("Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans CJK SC", "NanumGothic", "Malgun Gothic"),
    *("Apple SD Gothic Neo", "WenQuanYi Zen Hei"),
)


class Look(NamedTuple):
    """What distinguishes one series from the next, in colour, in grey and for colour-blind readers."""

    colour: str
    marker: Any
    dash: Any
    hatch: str
    tint: str  # a light colour, as a background of text


# Colours of Okabe and Ito (2008), in an order in which neighbours differ in lightness.
COLOURS = ("#0072B2", "#E69F00", "#000000", "#009E73", "#56B4E9", "#D55E00", "#CC79A7", "#7f7f7f")
# Markers, dashes and hatches differ too, for print in black and white.
MARKERS: tuple[Any, ...] = (
    *("o", "s", "^", "D", "v", "P", "X", "*", "<", "d", ">", "p"),
    *((4, 1, 0), "x", (3, 1, 0), "+", (3, 1, 180), "1", (6, 2, 0), "2", (5, 1, 180), "3", (2, 1, 0), "4"),
)
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 1)))
HATCHES = ("", "///", "...", "xx", "\\\\\\", "--", "++", "||", "oo", "**", "/.", "x.")
TINTS = (
    *("#c9e2f7", "#ffe08a", "#d6d6d6", "#a8e0c0", "#f7bfa6", "#e4c3f0"),
    *("#fff7c9", "#9fdfe6", "#f5b8cc", "#d9e8a0", "#d8cbb4", "#ffffff"),
)
MOST_LOOKS = len(MARKERS)


def look(position: int) -> Look:
    """The look of the series at `position`; they repeat after MOST_LOOKS."""
    place = position % MOST_LOOKS
    again, kind = divmod(place, len(HATCHES))
    return Look(
        colour=COLOURS[place % len(COLOURS)],
        marker=MARKERS[place],
        dash=DASHES[(place + place // len(COLOURS)) % len(DASHES)],
        hatch=HATCHES[kind] + "O" * again,
        tint=TINTS[kind],
    )


def marker_of(like: Look, *, hollow: bool = False) -> dict[str, Any]:
    """The colour and marker of a look, as `Axes.plot` takes them."""
    return {
        "color": like.colour,
        "marker": like.marker,
        "markerfacecolor": "white" if hollow else like.colour,
    }


@contextmanager
def style() -> Iterator[None]:
    """Draw with our settings, whatever a matplotlibrc of the user says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        matplotlib.style.use("harness.report.paper")
        yield


@contextmanager
def any_letters() -> Iterator[None]:
    """Draw names that others gave: with letters of fonts that are installed, and squares for others."""
    installed = [name for name in WIDER_FONTS if name in font_manager.get_font_names()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        mpl.rcParams["font.family"] = [*mpl.rcParams["font.family"], *installed]
        yield


def new_figure(height_inch: float, title: str) -> Figure:
    """An empty figure with a title, made without pyplot, which would keep a reference to it."""
    figure = Figure(figsize=(WIDTH_INCH, height_inch))
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def render(figure: Figure) -> dict[str, bytes]:
    """{"png": bytes, "svg": bytes}, without the date and the version they would otherwise hold.

    The same figure gives the same bytes in every process.
    """
    _fix_places(figure)
    pictures = {}
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, metadata=metadata)
        pictures[kind] = stream.getvalue()
    return pictures


def _fix_places(figure: Figure) -> None:
    """End the layout, with the places of axes rounded.

    The solver of the layout differs by some 1e-16 from process to process, and the ids of clip paths in an
    SVG are digests of these places.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = axes.get_position().bounds
        axes.set_position((round(left, 5), round(bottom, 5), round(width, 5), round(height, 5)))


def add_foot(figure: Figure, all_axes: Iterable[Axes], *notes: str) -> None:
    """Below the panels: one legend for all of them, and how to read the figure in small print."""
    named: dict[str, Any] = {}
    for axes in all_axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(wrapped(name, LEGEND_LETTERS), handle)
    columns = max(1, int(WIDTH_INCH / (0.07 * max(map(len, named), default=1) + 0.5)))
    small_print = textwrap.wrap("; ".join(notes), 140)
    above_print = LINE_INCH * len(small_print) + 0.05
    # One name that is wrapped is long enough for all names to have rows of their own.
    rows = sum(name.count("\n") + 1 for name in named) if columns == 1 else -(-len(named) // columns)
    foot_inch = above_print + LINE_INCH * rows + 0.05
    total_inch = figure.get_figheight() + foot_inch
    figure.set_figheight(total_inch)
    figure.set_layout_engine("constrained", rect=(0, foot_inch / total_inch, 1, 1 - foot_inch / total_inch))
    place = (0.005, above_print / total_inch)
    if named:
        legend = figure.legend(named.values(), named.keys(), loc="lower left", ncols=columns, borderpad=0)
        legend.set_bbox_to_anchor(place)
    figure.text(0.01, 0.04 / total_inch, "\n".join(small_print), fontsize=6.5, color="#444444", va="bottom")


def wrapped(name: str, letters: int) -> str:
    """A name in lines of so many letters: broken after commas, a longer part anywhere."""
    whole = re.sub("(?<!,) ", "\N{NO-BREAK SPACE}", name)
    lines = (textwrap.fill(line, letters) for line in whole.split("\n"))
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def log_axis(axis: Axis, smallest: float, largest: float) -> None:
    """Make an axis logarithmic, with plain numbers."""
    limits = (smallest / 1.2, largest * 1.2)
    letter = "x" if axis is axis.axes.xaxis else "y"
    axis.axes.set(**{f"{letter}scale": "log", f"{letter}lim": limits})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if largest < 30 * smallest else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(LogLocator(subs=tuple(range(1, 10))))
    axis.set_minor_formatter(NullFormatter())
