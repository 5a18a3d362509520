"""The page: one file of HTML with its style, script and pictures in it, which asks for nothing else.

The policy in its head forbids every request, every style and every script but the two whose digests it names.
What others wrote is escaped by the template or by `markupsafe`, and drawn as numbers.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.clock import utc
from harness.measure.band import LOSS
from harness.measure.waterfall import Waterfall
from harness.report.overview import svg, words
from harness.report.overview.accuracy import MISSED, NOTHING_THERE, Accuracy, ClassScore
from harness.report.overview.facts import Overview, RunFacts
from harness.report.overview.gantt import chart
from harness.report.overview.learning import Course, Learning
from harness.report.overview.record_rows import History
from harness.report.overview.text import MOST_RECORDS

TEMPLATES = Path(__file__).with_name("templates")
LAST_SHARE = (0.94, 1.0)  # of the epochs: where a band at their end is shaded
FEW = 30  # points of a line that are drawn as dots, too
SHADES = 9  # of a cell of the confusion matrix
# What the template draws itself.
DRAWINGS = {
    "cuts": svg.cuts,
    "fall": svg.fall,
    "frame": svg.frame,
    "lane": svg.lane,
    "phases": svg.phases,
    "share": svg.share,
    "speed": svg.speed,
    "strip": svg.strip,
}
# How it writes figures.
WORDS = {
    **{"amount": words.amount, "brief": words.brief, "carbon": words.carbon, "energy": words.energy},
    **{"figure": words.figure, "fraction": words.fraction, "interval": words.interval},
    **{"lasted": words.lasted, "moment": words.moment, "precision": words.precision},
    **{"signed_s": words.signed_s, "CANNOT_TELL": words.CANNOT_TELL, "NOT_RECORDED": words.NOT_RECORDED},
}
KINDS = "abcdefgh"  # looks of lines, as the style sheet has them


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A plot with what is written around it."""

    title: str  # with the range of its values
    drawing: Markup
    left: str
    right: str
    legend: tuple[tuple[str, str], ...] = ()  # look and words


def page(overview: Overview) -> bytes:
    """The page, the same bytes for the same facts."""
    files = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        words=WORDS,
        svg=DRAWINGS,
        chart=chart,
        quote=quote,
        utc=utc,
        learning_plots=learning_plots,
        curve=curve,
        confusion=confusion,
        history_plot=history_plot,
        sums=sums,
        MISSED=MISSED,
        SHOWN_RECORDS=MOST_RECORDS,
    )
    policy = (
        "default-src 'none'; img-src data:; "
        f"style-src '{_digest(files['page.css'])}'; script-src '{_digest(files['page.js'])}'; "
        "base-uri 'none'; form-action 'none'"
    )
    told: Mapping[str, object] = {
        "it": overview,
        "title": ", ".join(run.name for run in overview.runs) or "records",
        "policy": policy,
        "style": Markup(files["page.css"]),
        "script": Markup(files["page.js"]),
    }
    return environment.get_template("page.html.j2").render(told).encode()


def _digest(text: str) -> str:
    """As a content security policy names what it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def learning_plots(runs: Sequence[RunFacts]) -> list[Plot]:
    """Loss, mAP and learning rate by epoch; a line for each run."""
    told = [(run.name, run.learning) for run in runs if run.learning is not None]
    wanted = (
        ("training loss", [(name, each.loss) for name, each in told]),
        ("validation loss", [(name, each.validation_loss) for name, each in told]),
        ("mAP of the validation frames", [(name, each.mean_average_precision) for name, each in told]),
        ("learning rate", [(name, each.learning_rate) for name, each in told]),
    )
    epochs = dict(told)
    bands = [run.band.bounds[LOSS] for run in runs if run.band is not None and LOSS in run.band.bounds]
    plots = [
        _course_plot(title, courses, epochs, bands[0] if bands and title == wanted[0][0] else None)
        for title, courses in wanted
    ]
    return [plot for plot in plots if plot is not None]


def _course_plot(
    title: str,
    courses: Sequence[tuple[str, Course]],
    epochs: Mapping[str, Learning],
    bounds: tuple[float, float] | None,
) -> Plot | None:
    """Courses by epoch; `bounds` are where other seeds end, and are shaded at the last epoch."""
    known = [value for _, course in courses for value in course if value is not None]
    if not known:
        return None
    low, high = min(0.0, *known, *(bounds or ())), max(*known, *(bounds or ()), known[0])
    band = None
    if bounds is not None:
        band = svg.Band(x=LAST_SHARE, low=[bounds[0]] * 2, high=[bounds[1]] * 2)
        title = f"{title} (shaded: where other seeds end)"
    last = max(max(epochs[name].epochs) for name, _ in courses)
    lines, tips = [], []
    for place, (name, course) in enumerate(courses):
        at = [
            (epoch, value)
            for epoch, value in zip(epochs[name].epochs, course, strict=True)
            if value is not None
        ]
        x, y = [epoch / last if last else 0.0 for epoch, _ in at], [value for _, value in at]
        kind = KINDS[place % len(KINDS)]
        lines.append(svg.Line(kind=kind, x=x, y=y))
        lines += [svg.Line(kind=kind, x=x, y=y, dotted=True)] if len(y) <= FEW else []
        tips = [(share, f"epoch {epoch}: {value:.5g}") for share, (epoch, value) in zip(x, at, strict=True)]
    return Plot(
        title=f"{title}, {low:.4g} to {high:.4g}",
        drawing=svg.plot(
            f"{title} by epoch", lines, low, high, band=band, tips=tips if len(courses) == 1 else ()
        ),
        left="0",
        right=f"epoch {last}",
        legend=_legend([name for name, _ in courses]),
    )


def _legend(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Look and name of each line; empty where there is one line."""
    if len(names) < 2:
        return ()
    return tuple((KINDS[place % len(KINDS)], name) for place, name in enumerate(names))


def curve(one: ClassScore) -> Plot:
    """Precision over recall of a class."""
    tips = [
        (recall, f"recall {recall:.2f}, precision {precision:.2f}")
        for recall, precision in zip(one.recall, one.precision, strict=True)
    ]
    line = svg.Line(kind="a", x=one.recall, y=one.precision)
    return Plot(
        title="precision, 0 to 1",
        drawing=svg.plot(f"precision over recall of {one.name}", [line], 0.0, 1.0, tips=tips),
        left="0",
        right="recall 1",
    )


def confusion(one: Accuracy) -> list[tuple[str, list[tuple[int, int]]]]:
    """Rows of (name, [(count, shade)]): what is there, and as what it was found."""
    names = [*(each.name for each in one.classes), NOTHING_THERE]
    rows = []
    for name, counts in zip(names, one.confusion, strict=True):
        whole = sum(counts) or 1
        rows.append((name, [(count, round(SHADES * count / whole)) for count in counts]))
    return rows


def history_plot(one: History) -> Plot | None:
    """The records of one set-up over time, with the reference's band."""
    values = [
        value for each in one.points for value in (each.value, each.low, each.high) if value is not None
    ]
    values += [value for value in (one.low, one.high) if value is not None]
    if not one.points or not values:
        return None
    low, high = min(values) * 0.98, max(values) * 1.02
    first_s, last_s = one.points[0].started_s, one.points[-1].started_s
    x = [(each.started_s - first_s) / (last_s - first_s) if last_s > first_s else 0.5 for each in one.points]
    x = [0.02 + 0.96 * place for place in x]
    band = svg.Band(x=[0.0, 1.0], low=[one.low, one.low], high=[one.high, one.high])
    middle = svg.Line(kind="reference", x=[0.0, 1.0], y=[one.middle, one.middle])
    values_line = [each.value for each in one.points]
    lines = [
        middle,
        svg.Line(kind="a", x=x, y=values_line),
        svg.Line(kind="a", x=x, y=values_line, dotted=True),
    ]
    for at, each in zip(x, one.points, strict=True):
        if each.low is not None and each.high is not None:
            lines.append(svg.Line(kind="bar", x=[at, at], y=[each.low, each.high]))
    tips = [
        (at, f"{utc(each.started_s)[:10]}, commit {each.commit}: {each.value:.4g} images/s, {each.name}")
        for at, each in zip(x, one.points, strict=True)
    ]
    return Plot(
        title=f"training rate, {low:.3g} to {high:.3g} images/s",
        drawing=svg.plot(f"training rate over time, {one.title}", lines, low, high, band=band, tips=tips),
        left=utc(first_s)[:10],
        right=utc(last_s)[:10],
    )


def sums(fall: Waterfall) -> list[float]:
    """For each row the sum of the differences of those before it, in seconds."""
    before, at_s = [], 0.0
    for row in fall.rows:
        before.append(at_s)
        at_s += row.difference_s
    return before
