"""Every plot, and what it shows of the records. To add one, write a function and name it in `PLOTS`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.measure.efficiency import STRONG, kinds
from harness.measure.limit import SHARE
from harness.measure.record import Record, Run, repeats
from harness.measure.stats import Summary, summarise
from harness.report.panels import EPOCH, Dots, Line, Panel, dot_plot, line_plot
from harness.report.selection import (
    Setup,
    energy_name,
    energy_reason,
    is_comparable,
    joules_per_1000,
    newest,
    origin,
)
from harness.report.timeline import Columns, timeline
from harness.text import number
from harness.workspace.marker import STAGES

ByCase = Mapping[str, Mapping[Setup, Record]]  # the record to show of each case and set-up, all of one recipe
RATES = {"train": "train_images_per_s", "evaluate": "images_per_s", "inference": "images_per_s"}
TITLES = {"train": "training", "evaluate": "evaluation", "inference": "inference"}
TIMELINES = ("chain", "train", "imported")  # cases that show a machine at work, the best first
LIMIT = "of the limit: of the machine's own rate of matrix products in that number format"
BARS = "bar: 95 % interval of the mean of a bench, without the spread between benches"
IDEAL = "grey: perfect scaling from the smallest count"
SCALING = "strong: the batch is that of all GPUs together, weak: of each"


def figures(
    records: Sequence[Record],
    samples: Callable[[Record], Columns],
    phases: Callable[[Record], Sequence[Mapping[str, Any]]],
) -> Iterator[tuple[str, Figure]]:
    """(name, figure): the plots of each recipe and a timeline of each platform; those without content not.

    Args:
        records: all there are.
        samples: reads the samples of a record.
        phases: reads its phases.
    """
    cases = {case: newest(records, case) for case in ("chain", "scaling", *RATES)}
    for recipe in sorted({setup.recipe for setups in cases.values() for setup in setups}):
        of_recipe = {
            case: {setup: record for setup, record in setups.items() if setup.recipe == recipe}
            for case, setups in cases.items()
        }
        drawn = ((kind, plot(recipe, of_recipe)) for kind, plot in PLOTS.items())
        yield from ((f"{kind}-{_slug(recipe)}", figure) for kind, figure in drawn if figure is not None)
    for platform in sorted({record.platform for record in records}):
        candidates = _at_work(record for record in records if record.platform == platform)
        timelines = (timeline(record, samples(record), phases(record)) for record in candidates)
        if figure := next(filter(None, timelines), None):
            yield f"timeline-{_slug(platform)}", figure


def throughput(recipe: str, by_case: ByCase) -> Figure | None:
    """Images per second of training, evaluation and inference, and their share of the machine's limit."""
    panels = [
        Panel(
            f"{TITLES[case]} (images/s)",
            dots=[
                _dots(*one, repeats(one[1], name))._replace(remark=_share(one[1]))
                for one in by_case[case].items()
            ],
        )
        for case, name in RATES.items()
    ]
    return dot_plot(f"Throughput, recipe {recipe}", panels, _rows(by_case), LIMIT)


def energy(recipe: str, by_case: ByCase) -> Figure | None:
    """Joules for 1,000 images, of the GPUs and of the CPU apart."""
    panels = []
    for case, title in TITLES.items():
        dots = [
            _dots(setup, record, joules_per_1000(record, kind), look=place, name=energy_name(record, kind))
            for setup, record in by_case[case].items()
            for place, kind in enumerate(("gpu", "cpu"))
        ]
        panels.append(Panel(f"{title} (J per 1,000 images)", dots=dots))
    untold = [
        f"{setup.line}, {TITLES[case]}, {reason}"
        for case in TITLES
        for setup, record in by_case[case].items()
        for kind in ("gpu", "cpu")
        if (reason := energy_reason(record, kind))
    ]
    return dot_plot(f"Energy, recipe {recipe}", panels, _rows(by_case), *untold)


def stage_times(recipe: str, by_case: ByCase) -> Figure | None:
    """Seconds of each stage of the workflow, set-ups side by side."""
    dots = [
        Dots(
            stage,
            repeats(record, "stage_s", of=stage),
            place,
            not is_comparable(record),
            _named(setup, record),
        )
        for stage in STAGES
        for place, (setup, record) in enumerate(by_case["chain"].items())
    ]
    return dot_plot(f"Time of each stage, recipe {recipe}", [Panel("time (s)", dots=dots)], STAGES)


def learning(recipe: str, by_case: ByCase) -> Figure | None:
    """Loss by epoch, and mAP by time, or by epoch where no times are told; a line for each run."""
    runs = [(_named(setup, record), run) for setup, record in by_case["chain"].items() for run in record.runs]
    timed = any(np.isfinite(_values(run, "epoch_end_s")).any() for _, run in runs)
    scores = [_by_epoch(*one, "epoch_mAP", by_time=timed) for one in runs]
    panels = [
        Panel(EPOCH, "training loss", lines=[_by_epoch(*one, "epoch_loss") for one in runs]),
        Panel("training time (min)" if timed else EPOCH, "validation mAP", lines=scores),
    ]
    return line_plot(f"Learning, recipe {recipe}", panels, "dot: the end of an epoch")


def more_gpus(recipe: str, by_case: ByCase) -> Figure | None:
    """Training on more GPUs: throughput beside that of perfect scaling, and efficiency."""
    lines = _lines(
        (f"{_of_one_gpu(setup, kind).line}, {kind} scaling", setup.gpus, record, RATES["train"])
        for setup, record in {**by_case["train"], **by_case["scaling"]}.items()
        for kind in kinds(record)
    )
    lines = [line for line in lines if line.y[0] > 0]  # nothing is a multiple of 0
    ideal = [line._replace(y=[line.y[0] * x / line.x[0] for x in line.x], intervals={}) for line in lines]
    shares = [
        line._replace(y=[100 * y / best for y, best in zip(line.y, perfect.y, strict=True)], intervals={})
        for line, perfect in zip(lines, ideal, strict=True)
    ]
    panels = [
        Panel("GPUs", "training (images/s)", lines=lines, ideal=ideal, counts=True),
        Panel("GPUs", "efficiency (%)", lines=shares, counts=True),
    ]
    return line_plot(f"More GPUs, recipe {recipe}", panels, BARS, IDEAL, SCALING)


def batch_sizes(recipe: str, by_case: ByCase) -> Figure | None:
    """Throughput of training, evaluation and inference by batch size."""
    panels = []
    for case, name in RATES.items():
        points = [
            (setup._replace(batch=0).line, setup.batch, record, name)
            for setup, record in by_case[case].items()
        ]
        panels.append(Panel("batch size", f"{TITLES[case]} (images/s)", lines=_lines(points), counts=True))
    return line_plot(f"Batch size, recipe {recipe}", panels, BARS)


PLOTS: dict[str, Callable[[str, ByCase], Figure | None]] = {
    "throughput": throughput,
    "energy": energy,
    "stages": stage_times,
    "learning": learning,
    "gpus": more_gpus,
    "batches": batch_sizes,
}


def _rows(by_case: ByCase) -> list[str]:
    shown = sorted(
        {(setup, _row(setup, record)) for setups in by_case.values() for setup, record in setups.items()}
    )
    return [row for _, row in shown]


def _row(setup: Setup, record: Record) -> str:
    return f"{setup.words}\n{origin([record])}"


def _share(record: Record) -> str:
    share = summarise(repeats(record, SHARE))
    return f"({number(share.mean)} % of the limit)" if share else "(limit not recorded)"


def _named(setup: Setup, record: Record) -> str:
    """In a legend, with a word where a marker without a face cannot be hollow."""
    label = "" if is_comparable(record) else "; not comparable"
    return f"{setup.line} ({origin([record])}{label})"


def _dots(setup: Setup, record: Record, values: Sequence[float], *, look: int = 0, name: str = "") -> Dots:
    return Dots(_row(setup, record), values, look, not is_comparable(record), name)


def _of_one_gpu(setup: Setup, kind: str) -> Setup:
    """The set-up that all points of a line share: with the batch of each GPU, or of all in strong scaling."""
    return setup._replace(gpus=0, batch=setup.batch * setup.gpus if kind == STRONG else setup.batch)


def _lines(points: Iterable[tuple[str, int, Record, str]]) -> list[Line]:
    """Means of (name, x, record, quantity): the lines that have two or more values of x."""
    summaries: dict[str, dict[float, tuple[Summary, Record]]] = {}
    for name, x, record, quantity in points:
        summary = summarise(repeats(record, quantity))
        if summary is not None and x:
            summaries.setdefault(name, {})[x] = summary, record
    return [
        _line(
            f"{name} ({origin(record for _, record in by_x.values())})",
            {x: one for x, (one, _) in by_x.items()},
        )
        for name, by_x in summaries.items()
        if len(by_x) > 1
    ]


def _line(name: str, by_x: Mapping[float, Summary]) -> Line:
    xs = sorted(by_x)
    bounds = {x: (one.low, one.high) for x, one in by_x.items()}
    intervals = {x: (low, high) for x, (low, high) in bounds.items() if low is not None and high is not None}
    return Line(name, xs, [by_x[x].mean for x in xs], intervals)


def _by_epoch(name: str, run: Run, quantity: str, *, by_time: bool = False) -> Line:
    y, minutes = _values(run, quantity), _values(run, "epoch_end_s") / 60
    x = minutes if by_time else np.arange(1, len(y) + 1)
    points = [point for point in zip(x.tolist(), y.tolist(), strict=False) if np.isfinite(point).all()]
    return Line(name, [x for x, _ in points], [y for _, y in points])


def _values(run: Run, name: str) -> NDArray[np.float64]:
    measured = [measurement.values for measurement in run.measurements if measurement.name == name]
    return np.array(measured[0] if measured else [], dtype=float)


def _at_work(records: Iterable[Record]) -> list[Record]:
    """Those that show a machine at work: comparable ones first, then by case, then the last begun."""
    shown = [record for record in records if record.case in TIMELINES]
    shown.sort(key=lambda one: (one.started_utc, one.id), reverse=True)
    return sorted(shown, key=lambda one: (not is_comparable(one), TIMELINES.index(one.case)))


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)
