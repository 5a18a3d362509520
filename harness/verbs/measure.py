"""Verbs about measuring and records; `harness.cli` prints their failures."""

import argparse
from collections.abc import Callable

from harness import __version__
from harness.engine.checks import check
from harness.errors import ConfigError, HarnessError
from harness.measure import import_dmon as importing
from harness.measure.bench import bench
from harness.report import redraw as reporting
from harness.report.lines import bench_lines
from harness.settings.variables import Settings
from harness.verbs import summary


def _bench(settings: Settings, options: argparse.Namespace) -> int:
    verb = options.verb
    print(f"jamcam {__version__} {verb} on {settings.platform.name}: {summary.header(settings)}", flush=True)
    check(settings)
    records = bench(settings, say=lambda text: print(f"{verb} | {text}", flush=True), scaling=verb == "scaling")
    print("\n".join(bench_lines(records)), flush=True)
    try:
        reporting.redraw(settings.results, say=print)
    except HarnessError as error:  # the records are there, and that is what was asked for
        print(f"nothing was drawn: {error.message}\n  try: {error.remedy}")
    print(f"records: {settings.results / settings.platform.name}")
    return 0 if all(record.status == "ok" for record in records) else 1


def _plots(settings: Settings, options: argparse.Namespace) -> int:
    reporting.redraw(settings.results, say=print)
    return 0


def _compare(settings: Settings, options: argparse.Namespace) -> int:
    sides = [getattr(options, name, "") for name in ("a", "b")]
    if not all(sides):
        raise ConfigError("two sides are needed: platforms, benches or records", remedy="jamcam compare --a=X --b=Y")
    reporting.compared(settings.results, *sides, force=_forced(options), say=print)
    return 0


def _gate(settings: Settings, options: argparse.Namespace) -> int:
    reporting.gate(settings.results, settings.platform.name, force=_forced(options), say=print)
    return 0


def _import_dmon(settings: Settings, options: argparse.Namespace) -> int:
    print(f"imported: {importing.import_dmon(options.file, settings)}")
    return 0


def _forced(options: argparse.Namespace) -> bool:
    return getattr(options, "force", "0") not in ("", "0")


VERBS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "bench": _bench,
    "scaling": _bench,
    "plots": _plots,
    "compare": _compare,
    "gate": _gate,
    "import-dmon": _import_dmon,
}
