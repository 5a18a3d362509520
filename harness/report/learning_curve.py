"""The plot of one training: losses, average precisions of the validation frames, and learning rate."""

import math
from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.engine.answers import Best
from harness.report.overview.learning import Course, Learning
from harness.report.panels import EPOCH, WIDE
from harness.report.style import (
    COLOURS,
    MOST_LOOKS,
    Look,
    add_foot,
    any_letters,
    log_axis,
    look,
    marker_of,
    new_figure,
    render,
    style,
)

ALONE = Look(colour="#000000", marker="o", dash="-", hatch="", tint="")
MOST_MARKERS = 40  # of a line; of more epochs the line alone is shown
PENALTY = "training loss includes the penalty on weights, validation loss does not"
SCORES = "average precision: on the validation frames, at the epochs that were validated"


def curve_plot(learning: Learning, best: Best | None) -> dict[str, bytes]:
    """{"png": bytes, "svg": bytes}; `best` is the checkpoint that is marked."""
    with style(), any_letters():
        return render(curve_figure(learning, best))


def curve_figure(learning: Learning, best: Best | None) -> Figure:
    """Losses and mAP above, average precisions of classes and learning rate below.

    A panel without any value says so: nothing was validated, or it is a quantity that the log does not have.
    """
    count = len(learning.epochs)
    figure = new_figure(4.2, f"Learning curve, {count} epoch{'s' * (count != 1)}")
    all_axes = figure.subplots(2, 2, sharex=True)
    (losses, scores), (classes, rates) = all_axes
    loss = {"training loss": learning.loss, "validation loss": learning.validation_loss}
    _draw(losses, "loss", learning, loss)
    _draw(scores, "mAP", learning, {"": learning.mean_average_precision})
    _draw(classes, "average precision", learning, learning.average_precision, first=len(loss))
    _draw(rates, "learning rate", learning, {"": learning.learning_rate})
    _scale_losses(losses, [value for course in loss.values() for value in course if value is not None])
    top = _top([learning.mean_average_precision, *learning.average_precision.values()])
    for axes in (scores, classes):
        axes.set_ylim(0, top)
    if best is not None:
        _mark(scores, best, last=max(learning.epochs))
    if rates.lines:
        rates.set_ylim(bottom=0)
    for axes in (classes, rates):
        axes.set_xlabel(EPOCH)
        axes.set_xlim(min(0, *learning.epochs), max(*learning.epochs, 1) * 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    add_foot(figure, all_axes.flat, PENALTY, SCORES)
    return figure


def _draw(
    axes: Axes, label: str, learning: Learning, courses: Mapping[str, Course], *, first: int = 0
) -> None:
    """Lines through the epochs that have a value; `first` is the look of the first one.

    A line without a name is alone in its panel, black, and not in the legend.
    """
    axes.set_ylabel(label)
    for place, (name, course) in enumerate(courses.items()):
        known = [point for point in zip(learning.epochs, course, strict=True) if point[1] is not None]
        like = look((first + place) % MOST_LOOKS) if name else ALONE
        marker = marker_of(like) if len(known) <= MOST_MARKERS else {"color": like.colour}
        if known:
            points = zip(*known, strict=True)
            axes.plot(*points, **marker, linestyle=like.dash, markersize=3.5, label=name or None)
    if not axes.lines:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color="#444444")


def _top(courses: Iterable[Course]) -> float:
    """The end of an axis of fractions: the tenth above the largest one; 1 where there is none."""
    largest = max((value for course in courses for value in course if value is not None), default=1.0)
    return min(max(math.floor(largest * 10 + 1.5) / 10, 0.1), 1.0)


def _scale_losses(axes: Axes, values: list[float]) -> None:
    if values and 0 < WIDE * min(values) < max(values):
        log_axis(axes.yaxis, min(values), max(values))
    elif values:
        axes.set_ylim(min(0.0, *values), max(*values, 0.0) * 1.1 or 1.0)


def _mark(axes: Axes, best: Best, *, last: int) -> None:
    at = (best.epoch, best.mean_average_precision)
    words = f"best: epoch {best.epoch}, {best.mean_average_precision:.3f}"
    axes.plot(*at, "o", markersize=9, markerfacecolor="none", color=COLOURS[5], clip_on=False)
    is_right = best.epoch > last / 2
    axes.annotate(
        words,
        at,
        (-7 if is_right else 7, 7 if at[1] < 0.85 * axes.get_ylim()[1] else -13),
        textcoords="offset points",
        ha="right" if is_right else "left",
        size=7,
    )
