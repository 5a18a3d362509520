"""Verbs that show what was done: report, and what it cost."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from harness.settings.table import nearest
from harness.settings.variables import Settings
from harness.text import tell
from harness.verbs.verb import A, B, Option, Verb

if TYPE_CHECKING:
    from harness.report.overview.gather import Wanted

TITLE = "showing"
PAGE = "report.html"
TEXT = Option(name="text", help="1: `report` as text, for a terminal of 80 columns", is_switch=True)
POWER = Option(name="power_w", help="watts of one machine, for `cost` where no energy was measured")
FACTOR = Option(
    name="gco2e_per_kwh", help="grams of CO2 equivalent for each kWh; without it `cost` tells none"
)
WORKSPACES = Option(
    name="workspaces", help="workspaces, in place of the one of the settings", takes_many=True
)


def _report(settings: Settings, options: argparse.Namespace) -> int:
    from harness.report.overview.gather import gather
    from harness.report.overview.text import text

    places = _workspaces(settings, options)
    beside = next((place for place in places if place.is_dir()), settings.results)
    overview = gather(_wanted(settings, options, places, beside))
    if options.text:
        tell("\n".join(text(overview)))
        return 0
    try:
        from harness.report.overview.page import page
    except ImportError as error:
        raise ConfigError(
            f"there is no page without jinja2: {error}",
            remedy="make report, which installs what is needed; or pip install -e '.[report]'; or TEXT=1",
        ) from error
    from harness.files import write_bytes

    content = page(overview)
    write_bytes(beside / PAGE, content, durable=False)
    tell(f"report: {beside / PAGE} ({len(content) / 1000:.0f} kB)")
    return 0


def _cost(settings: Settings, options: argparse.Namespace) -> int:
    from harness.report.overview.gather import gather_costs
    from harness.report.overview.text import cost_lines

    wanted = _wanted(settings, options, _workspaces(settings, options), settings.results)
    tell("\n".join(cost_lines(gather_costs(wanted), wanted.gco2e_per_kwh)))
    return 0


def _workspaces(settings: Settings, options: argparse.Namespace) -> tuple[Path, ...]:
    words = options.workspaces or ()
    named = tuple(dict.fromkeys(Path(word).expanduser().absolute() for word in words))
    for place in named:
        if not place.is_dir():
            there = [path.name for path in place.parent.iterdir()] if place.parent.is_dir() else []
            remedy = f"write {place.parent / nearest(place.name, there)}" if there else "make all comes first"
            raise ConfigError(f"there is no workspace {place}", remedy=remedy)
    return named or (settings.workspace,)


def _wanted(
    settings: Settings, options: argparse.Namespace, places: Sequence[Path], beside: Path
) -> "Wanted":
    from harness.report.overview.gather import Wanted

    return Wanted(
        workspaces=tuple(places),
        results=settings.results,
        beside=beside,
        a=getattr(options, "a", None) or "",
        b=getattr(options, "b", None) or "",
        power_w=_number(POWER, options.power_w),
        gco2e_per_kwh=_number(FACTOR, options.gco2e_per_kwh),
    )


def _number(option: Option, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(
            f"{option.name} is '{text}', expected a number of 0 or more",
            remedy=f"give {option.name.upper()}=250",
        )
    return value


VERBS = (
    Verb(
        name="report",
        help="one page that tells a run, a comparison and a cost at a glance",
        run=_report,
        settings=("workspace", "results"),
        options=(TEXT, A, B, POWER, FACTOR),
        positionals=(WORKSPACES,),
    ),
    Verb(
        name="cost",
        help="GPU-hours, core-hours, energy and lost work of runs and records",
        run=_cost,
        settings=("workspace", "results"),
        options=(POWER, FACTOR),
        positionals=(WORKSPACES,),
    ),
)
