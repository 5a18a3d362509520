"""Every plot there is to draw, by name."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from harness.measure.comparability import reasons
from harness.measure.record import Record
from harness.report import charts, curves
from harness.report.selection import newest
from harness.report.timeline import Columns, timeline

WATCHED = ("chain", "train", "imported")  # cases that show a machine at work, the best first


def figures(
    records: Sequence[Record],
    samples: Callable[[Record], Columns],
    phases: Callable[[Record], Sequence[Mapping[str, Any]]],
) -> Iterator[tuple[str, Figure]]:
    """(name, figure): some for each recipe, and one of the time for each platform; those without content are left out.

    Args:
        records: all there are.
        samples: reads the samples of a record.
        phases: reads its phases.
    """
    found = {case: newest(records, case) for case in ("chain", "scaling", *charts.WORKS)}
    for recipe in sorted({setup.recipe for setups in found.values() for setup in setups}):
        of = {
            case: {one: record for one, record in setups.items() if one.recipe == recipe}
            for case, setups in found.items()
        }
        drawn = {
            "throughput": charts.throughput(recipe, of),
            "energy": charts.energy(recipe, of),
            "stages": charts.stage_times(recipe, of["chain"]),
            "learning": curves.learning(recipe, of["chain"]),
            "gpus": curves.gpus(recipe, of),
            "batches": curves.batches(recipe, of),
        }
        yield from ((f"{kind}-{_slug(recipe)}", figure) for kind, figure in drawn.items() if figure is not None)
    for platform in sorted({record.platform for record in records}):
        candidates = _watched(record for record in records if record.platform == platform)
        pictures = (timeline(record, samples(record), phases(record)) for record in candidates)
        figure = next(filter(None, pictures), None)
        if figure is not None:
            yield f"timeline-{_slug(platform)}", figure


def _watched(records: Iterable[Record]) -> list[Record]:
    """Those that show a machine at work: comparable ones first, then by case, then the last begun."""
    shown = sorted(
        (one for one in records if one.case in WATCHED), key=lambda one: (one.started_utc, one.id), reverse=True
    )
    return sorted(shown, key=lambda one: (bool(reasons(one)), WATCHED.index(one.case)))


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)
