"""The plot of how many objects of each class stand on each picture or frame, over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from harness.engine.prediction import CameraCounts
from harness.report.style import MOST_LOOKS, add_foot, any_letters, look, new_figure, render, style
from harness.text import one_line

MOST_CAMERAS = 8
MOST_POINTS = 600  # of a line; more would not be seen
TIME, SECONDS, NUMBER = "time", "seconds from the start of the video", "picture or frame, in order"
EACH = "what stands on several pictures or frames counts on each"


def counts_plot(cameras: Sequence[CameraCounts]) -> dict[str, bytes]:
    """{"png": bytes, "svg": bytes}; empty where there is no object on any picture."""
    with style(), any_letters():
        figure = counts_figure(cameras)
        return render(figure) if figure else {}


def counts_figure(cameras: Sequence[CameraCounts]) -> Figure | None:
    """A panel for each camera with a line for each class; None where there is no object."""
    total = {one.camera: sum(map(sum, one.counts.values())) for one in cameras}
    shown = sorted(cameras, key=lambda one: -total[one.camera])[:MOST_CAMERAS]
    classes = (
        [name for name in cameras[0].counts if any(any(one.counts[name]) for one in shown)] if cameras else []
    )
    if not classes:
        return None
    axis = x_axis(cameras)
    shown = sorted(shown, key=lambda one: one.camera)
    figure = new_figure(0.7 + 1.2 * len(shown), "Objects on each picture or frame")
    all_axes = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
    thinned = [_draw(axes, one, classes, axis) for axes, one in zip(all_axes, shown, strict=True)]
    if axis == TIME:
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        all_axes[-1].xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        all_axes[-1].xaxis.set_major_formatter(formatter)
    all_axes[-1].set_xlabel(axis)
    notes = [EACH]
    notes += [f"a point is the mean of up to {max(thinned)} of them"] if max(thinned) > 1 else []
    left_out = len(cameras) - len(shown)
    notes += [f"{left_out} more cameras with fewer objects are in counts.csv"] if left_out else []
    add_foot(figure, all_axes, *notes)
    return figure


def x_axis(cameras: Sequence[CameraCounts]) -> str:
    """What all cameras can be drawn over: the time, that of their one video each, or the order."""
    if all(time is not None for one in cameras for time in one.times):
        return TIME
    has_one_video = all(len({*one.frames}) == 1 and None not in one.seconds for one in cameras)
    return SECONDS if has_one_video else NUMBER


def _draw(axes: Axes, one: CameraCounts, classes: Sequence[str], axis: str) -> int:
    """Draw the lines of a camera; returns how many pictures or frames a point stands for."""
    xs: Sequence[Any] = range(1, len(one.frames) + 1)
    if axis != NUMBER:
        xs = one.times if axis == TIME else one.seconds
    order = sorted(range(len(xs)), key=lambda place: xs[place])
    group = -(-len(order) // MOST_POINTS)
    starts = range(0, len(order), group)
    for place, name in enumerate(classes):
        values: NDArray[np.float64] = np.array(one.counts[name], dtype=float)[order]
        like = look(place % MOST_LOOKS)
        axes.plot(
            [xs[order[start]] for start in starts],
            [values[start : start + group].mean() for start in starts],
            color=like.colour,
            linestyle=like.dash,
            marker=like.marker if len(starts) <= MOST_POINTS // 10 else None,
            markersize=3,
            linewidth=0.9,
            label=one_line(name),
        )
    axes.set_title(one_line(one.camera), loc="left", fontsize=8)
    axes.set_ylabel("objects")
    axes.set_ylim(0, 1.1 * max([1, *(max(one.counts[name]) for name in classes)]))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return group
