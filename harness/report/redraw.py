"""From the records in a folder to what people look at: plots and the README's section."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, DataError
from harness.files import sha256_file
from harness.measure.record import Record
from harness.measure.record_files import read_phases, read_records
from harness.own_files import PACKAGES, install_command, own
from harness.report import page, pictures
from harness.settings.declared import SPECS, read_toml
from harness.text import one_line
from harness.workspace.marker import digest_of
from probe.samples import SamplesError, read_samples

Say = Callable[[str], None]
README, RESULTS = own("README.md"), own("results")
HARNESS = PACKAGES / "harness"
# What decides, besides this room, what pictures and the section show.
SHOWN_BY = (
    "measure/band.py",
    "measure/comparability.py",
    "measure/compare.py",
    "measure/efficiency.py",
    "measure/fact_table.py",
    "measure/gate.py",
    "measure/gate_rows.py",
    "measure/limit.py",
    "measure/plan.py",
    "measure/record.py",
    "measure/record_files.py",
    "measure/stats.py",
    "measure/student.py",
    "text.py",
    "units.py",
)
OF_PHASE = {"run", "phase", "started_unix_s", "duration_s"}


def redraw(results: Path, *, say: Say) -> None:
    """Draw every plot again and write the README's section; where nothing is new, nothing is done.

    Raises:
        ConfigError: there is no such folder, matplotlib or pandas is not installed, or the README has lost
            its markers.
    """
    if not results.is_dir():
        raise ConfigError(
            f"there is no folder {results} to draw from", remedy="make bench, or correct RESULTS"
        )
    try:
        if pictures.is_drawn(results, _source(results)):
            say(f"nothing new: the plots show what is in {results}")
            return
        records = load(results, say=say)
        drawn = dict(_draw(results, records, say))
    except ImportError as error:  # of a module, or of what is known of an installed package
        raise ConfigError(
            f"nothing can be drawn without matplotlib and pandas: {error}",
            remedy=install_command("report", target="plots"),
        ) from error
    pictures.keep(results, drawn)
    if results == RESULTS:
        pictures.put_section(README, page.BEGIN, page.END, section(records))
    pictures.note(results, _source(results))


def _draw(results: Path, records: Sequence[Record], say: Say) -> Iterator[tuple[str, bytes]]:
    # That of a notebook need not be installed here, and would stop the import of matplotlib; none is needed.
    os.environ["MPLBACKEND"] = "agg"
    # These take a second to import, which is not needed to find out that nothing is new.
    from harness.report.figures import figures
    from harness.report.style import render, style

    with style():
        for name, figure in figures(records, partial(_samples, results, say), partial(_phases, results, say)):
            for kind, content in render(figure).items():
                yield f"{name}.{kind}", content
            say(f"drawn: {results / pictures.PLOTS / name}.png and .svg")


def section(records: tuple[Record, ...]) -> str:
    """The README's section as it should be."""
    titles = {path.stem: str(read_toml(path)["title"]) for path in (SPECS / "platforms").glob("*.toml")}
    return page.section(records, titles, pictures.names(RESULTS))


def load(results: Path, *, say: Say) -> tuple[Record, ...]:
    """Every record; a line is printed for each folder that holds none that can be read."""
    records, unreadable = read_records(results)
    for line in unreadable:
        say(f"passed over: {line}")
    return records


def _samples(results: Path, say: Say, record: Record) -> Mapping[str, NDArray[np.float64]]:
    try:
        return read_samples(results / record.platform / record.id)
    except SamplesError as error:
        say(f"passed over: {error.message} (try: {error.remedy})")
        return {}


def _phases(results: Path, say: Say, record: Record) -> list[dict[str, Any]]:
    try:
        rows = read_phases(results / record.platform / record.id)
    except DataError as error:
        say(f"passed over: {error.message} (try: {error.remedy})")
        return []
    return [{**row, "phase": one_line(row["phase"])} for row in rows if row.keys() >= OF_PHASE]


def _source(results: Path) -> str:
    """Digest of all that decides what the plots and the section look like, and of the section as it is."""
    there = pictures.read_section(README, page.BEGIN, page.END) if results == RESULTS else ""
    room = [path.relative_to(HARNESS).as_posix() for path in (HARNESS / "report").glob("*.*")]
    code = {name: sha256_file(HARNESS / name) for name in sorted([*room, *SHOWN_BY])}
    platforms = {path.name: sha256_file(path) for path in sorted((SPECS / "platforms").glob("*.toml"))}
    return digest_of([pictures.digest_of_records(results), there, code, platforms, version("matplotlib")])
