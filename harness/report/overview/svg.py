"""Drawings of the page: SVG as text, of numbers alone; what is read beside them is HTML.

A plot fills whatever place it is given (`preserveAspectRatio="none"`), and its lines keep their width. A
point is a line of no length with round ends, which stays round when the plot is stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.data.overlap import Box
from harness.measure.waterfall import Row, Waterfall
from harness.report.overview.accuracy import FrameScore
from harness.report.overview.gantt import Bar, Chart
from harness.report.overview.machine import Lane, PhaseBar
from harness.report.overview.pictures import Picture

WIDE, HIGH = 1000.0, 100.0  # of a plot, in its own units
ROW = 20.0  # of a strip
LEAST = 0.003  # of the axis: how wide a try is at least
GRID = (0.25, 0.5, 0.75)
MOST_BOXES = 60  # of a frame, false ones of low score first left out; its caption counts all
MOST_TIPS = 40  # of a plot: values that a pointer finds
KNOWN_PHASES = (
    "launch",
    "start-up",
    "staging",
    "epoch",
    "validation",
    "checkpoint",
    "evaluation",
    "inference",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Points of one series, x from 0 to 1; y is None where there is none."""

    kind: str  # a class of the style sheet
    x: Sequence[float]
    y: Sequence[float | None]
    dotted: bool = False  # points alone


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """A range of y, by x."""

    x: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]


def plot(
    words: str,
    lines: Sequence[Line],
    low: float,
    high: float,
    *,
    band: Band | None = None,
    tips: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Lines over a grid.

    Args:
        words: what it shows, for those who do not see it.
        low: the value at the bottom.
        high: the value at the top.
        band: behind the lines.
        tips: (x, words) of what a pointer finds there.
    """
    body = [_grid()]
    if band is not None:
        body += [
            Markup('<path class="band" d="{}"/>').format(part)
            for part in _area(band.x, band.low, band.high, low, high)
        ]
    for line in lines:
        if d := _dots(line, low, high):
            body.append(Markup('<path class="dots {}" d="{}"/>').format(line.kind, d))
        if not line.dotted and (d := _path(line, low, high)):
            body.append(Markup('<path class="line {}" d="{}"/>').format(line.kind, d))
    return _svg("plot", words, HIGH, [*body, *_tips(tips)])


def strip(words: str, bars: Sequence[Bar]) -> Markup:
    """The tries of a stage on the axis of all: kept, then lost, with their phases."""
    body = []
    for bar in bars:
        told = f"{bar.one.fate.value}: {bar.one.message or bar.one.why}"
        end = max(bar.end, bar.start + LEAST)
        kept = end if bar.one.fate.is_good else max(min(bar.kept, end), bar.start)
        body += [
            _rect(bar.start, end, 2, ROW - 4, "try bad", told),
            _rect(bar.start, kept, 2, ROW - 4, "try kept", told),
        ]
        for name, start, stop in bar.phases:
            kind = name if name in KNOWN_PHASES else "other"
            body.append(_rect(start, max(stop, start), 5, ROW - 10, f"phase {kind}", name))
    return _svg("strip", words, ROW, body)


def cuts(shown: Chart) -> Markup:
    """Where pauses were left out."""
    body = [
        Markup('<path class="cut" d="M{} 0V{}"/>').format(_n(place * WIDE), _n(ROW))
        for place, _ in shown.cuts
    ]
    return _svg("strip", "where pauses were left out", ROW, body)


def lane(words: str, one: Lane) -> Markup:
    """A quantity of the machine over time: the mean, between the least and the largest sample."""
    places = [(number + 0.5) / len(one.mean) for number in range(len(one.mean))]
    tips = [
        (place, f"{one.name}: {value:.4g} {one.unit}")
        for place, value in zip(places, one.mean, strict=True)
        if value is not None
    ]
    band = Band(x=places, low=one.low, high=one.high)
    return plot(words, [Line(kind="a", x=places, y=one.mean)], 0.0, one.top, band=band, tips=tips)


def phases(words: str, bars: Sequence[PhaseBar], lasted_s: float) -> Markup:
    """The phases of a run; those that are a whole stage below the others."""
    body = []
    for one in bars:
        kind = one.name if one.name in KNOWN_PHASES else "other"
        top = ROW / 2 if one.is_stage else 0.0
        where = f"{one.name}: {one.start_s:.1f} s to {one.end_s:.1f} s"
        body.append(
            _rect(one.start_s / lasted_s, one.end_s / lasted_s, top + 1, ROW / 2 - 2, f"phase {kind}", where)
        )
    return _svg("strip", words, ROW, body)


def fall(row: Row, before_s: float, whole: Waterfall) -> Markup:
    """The bar of one part: from the sum of those before it, by its difference, with its interval."""
    low, high = _reach(whole)
    places = [_share(value, low, high) for value in (before_s, before_s + row.difference_s)]
    body = [_rect(min(places), max(places), 4, ROW - 8, "longer" if row.difference_s >= 0 else "shorter")]
    if row.low_s is not None and row.high_s is not None:
        ends = [_share(before_s + value, low, high) * WIDE for value in (row.low_s, row.high_s)]
        body.append(Markup('<path class="whisker" d="M{} 10H{}"/>').format(_n(ends[0]), _n(ends[1])))
    zero = _share(0.0, low, high) * WIDE
    body.append(Markup('<path class="zero" d="M{} 0V20"/>').format(_n(zero)))
    return _svg("strip", f"{row.name}: {row.difference_s:+.2f} s", ROW, body)


def speed(words: str, value: float, low: float | None, high: float | None, top: float) -> Markup:
    """A bar from 0 to a value, with its interval, on an axis that ends at `top`."""
    body = [_rect(0.0, 1.0, 4, ROW - 8, "track"), _rect(0.0, _share(value, 0.0, top), 4, ROW - 8, "part")]
    if low is not None and high is not None:
        ends = [_n(_share(each, 0.0, top) * WIDE) for each in (low, high)]
        body.append(Markup('<path class="whisker" d="M{} 10H{}"/>').format(*ends))
    return _svg("strip", words, ROW, body)


def share(words: str, value: float) -> Markup:
    """A bar of a share, 0 to 1."""
    return _svg(
        "strip", words, ROW, [_rect(0.0, 1.0, 4, ROW - 8, "track"), _rect(0.0, value, 4, ROW - 8, "part")]
    )


def frame(words: str, picture: Picture, one: FrameScore) -> Markup:
    """A test frame with its boxes; a dark line beneath each makes it seen on any ground."""
    width, height = picture.width_px, picture.height_px
    body = [Markup('<image href="{}" width="{}" height="{}"/>').format(picture.address, width, height)]
    order = sorted(one.boxes, key=lambda box: (box.kind == "false", -(box.score or 0.0)))
    outlines = [_outline(box.box, picture) for box in order[:MOST_BOXES]]
    body.append(Markup('<path class="box under" d="{}"/>').format("".join(outlines)))
    for box, outline in reversed([*zip(order, outlines, strict=False)]):
        tip = f"{box.kind}: {box.name}" + ("" if box.score is None else f", score {box.score:.2f}")
        body.append(
            Markup('<path class="box {}" d="{}"><title>{}</title></path>').format(box.kind, outline, tip)
        )
    return Markup('<svg class="frame" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        words, width, height, Markup("").join(body)
    )


def _outline(box: Box, picture: Picture) -> str:
    """The path around a box, as far as it lies in its picture."""
    limits = (picture.width_px, picture.height_px) * 2
    x1, y1, x2, y2 = (max(min(side, limit), 0.0) for side, limit in zip(box, limits, strict=True))
    return f"M{_n(x1)} {_n(y1)}H{_n(x2)}V{_n(y2)}H{_n(x1)}z"


def _reach(whole: Waterfall) -> tuple[float, float]:
    """The least and the largest value that any bar or interval comes to."""
    at_s, ends = 0.0, [0.0]
    for row in whole.rows:
        ends += [at_s, at_s + row.difference_s]
        ends += [at_s + value for value in (row.low_s, row.high_s) if value is not None]
        at_s += row.difference_s
    ends += [
        value
        for value in (whole.total.low_s, whole.total.high_s, whole.total.difference_s)
        if value is not None
    ]
    return min(ends), max(ends)


def _svg(kind: str, words: str, height: float, body: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="{}" role="img" aria-label="{}" viewBox="0 0 1000 {}" preserveAspectRatio="none">{}</svg>'
    ).format(kind, words, _n(height), Markup("").join(body))


def _rect(start: float, end: float, top: float, height: float, kind: str, tip: str = "") -> Markup:
    title = Markup("<title>{}</title>").format(tip) if tip else ""
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}">{}</rect>').format(
        kind, _n(start * WIDE), _n(top), _n(max(end - start, 0.0) * WIDE), _n(height), title
    )


def _grid() -> Markup:
    return Markup('<path class="grid" d="{}"/>').format(
        "".join(f"M0 {_n(HIGH * level)}H1000" for level in (0.0, *GRID, 1.0))
    )


def _tips(tips: Sequence[tuple[float, str]]) -> list[Markup]:
    """Places that a pointer finds, each as wide as the way to the next one."""
    every = max(-(-len(tips) // MOST_TIPS), 1)
    kept = tips[::every]
    width = 1 / max(len(kept), 1)
    return [
        _rect(max(x - width / 2, 0.0), min(x + width / 2, 1.0), 0, HIGH, "tip", words) for x, words in kept
    ]


def _pieces(line: Line, low: float, high: float) -> list[list[tuple[float, float]]]:
    """Points without a gap between them, in the units of a plot."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(line.x, line.y, strict=True):
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x * WIDE, HIGH * (1 - _share(y, low, high))))
    return [piece for piece in pieces if piece]


def _path(line: Line, low: float, high: float) -> str:
    return "".join(
        "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in piece)
        for piece in _pieces(line, low, high)
        if len(piece) > 1
    )


def _dots(line: Line, low: float, high: float) -> str:
    """Every point of a few, else those without a neighbour."""
    pieces = _pieces(line, low, high)
    shown = [point for piece in pieces if line.dotted or len(piece) == 1 for point in piece]
    return "".join(f"M{_n(x)} {_n(y)}h0" for x, y in shown)


def _area(
    x: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], low: float, high: float
) -> list[str]:
    upper = _pieces(Line(kind="", x=x, y=highs), low, high)
    lower = _pieces(Line(kind="", x=x, y=lows), low, high)
    return [
        "M" + "L".join(f"{_n(a)} {_n(b)}" for a, b in (*over, *reversed(under))) + "Z"
        for over, under in zip(upper, lower, strict=False)
        if len(over) > 1
    ]


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between two, from 0 to 1."""
    return max(min((value - low) / (high - low), 1.0), 0.0) if high > low else 0.5


def _n(value: float) -> str:
    """A number with one digit behind the point, and no more letters than it needs."""
    return f"{value + 0.0 if abs(value) >= 0.05 else 0.0:.1f}".removesuffix(".0")
