"""What is on disk, as facts: workspaces and a folder of records. Nothing is run, asked or changed."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import __version__
from harness.errors import CannotTell, ConfigError, DataError
from harness.measure.compare import select_records
from harness.measure.cost import Cost, cost
from harness.measure.limit import SHARE
from harness.measure.plan import set_of
from harness.measure.record import Record, repeats
from harness.measure.record_files import read_phases, read_records, read_references
from harness.measure.stats import summarise
from harness.measure.uses import uses_of_records
from harness.report.overview.comparisons import compare_records, compare_runs
from harness.report.overview.facts import Compared, CostFacts, Overview, RunFacts
from harness.report.overview.machine import MachineAtWork, candidates, machine_at_work
from harness.report.overview.record_rows import histories, record_row, standings
from harness.report.overview.words import without_folders
from harness.report.overview.workspace_facts import run_facts, workspace_cost
from harness.report.selection import setup
from harness.text import one_line
from probe.samples import SamplesError, read_samples

MOST_NOTES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be shown, and what somebody says that is on no disk."""

    workspaces: tuple[Path, ...]
    results: Path
    beside: Path  # the folder of the page, from which its links lead
    a: str = ""  # two sides to compare: platforms, benches or records, as `compare` takes them
    b: str = ""
    power_w: float | None = None
    gco2e_per_kwh: float | None = None


def gather(wanted: Wanted) -> Overview:
    """Everything that can be told.

    Raises:
        CannotTell: there is neither a run nor a record.
        ConfigError: no record has one of the names that are to be compared.
    """
    records, unreadable = read_records(wanted.results)
    notes = list(unreadable)
    runs = tuple(
        run_facts(path, name=name, folder=_link(path, wanted.beside), declared=wanted)
        for path, name in zip(wanted.workspaces, _names(wanted.workspaces), strict=True)
    )
    notes += [f"{run.name}: {note}" for run in runs for note in run.notes]
    if not records and not any(run.tries or any(each.is_done for each in run.stages) for run in runs):
        raise CannotTell(
            f"there is neither a run in {', '.join(map(str, wanted.workspaces)) or 'any workspace'} "
            f"nor a record in {wanted.results}",
            remedy="make all comes first, or make bench; WORKSPACE=... and RESULTS=... name other folders",
        )
    return Overview(
        runs=runs,
        compared=tuple(_compared(wanted, runs, records, notes)),
        machine=_machine(wanted.results, records, notes),
        records=tuple(record_row(record, wanted.results / record.platform / record.id) for record in records),
        records_folder=_link(wanted.results, wanted.beside),
        standings=standings(records),
        histories=histories(records, read_references(wanted.results)),
        costs=_costs(wanted, [(run.name, run.cost) for run in runs], records),
        power_w=wanted.power_w,
        gco2e_per_kwh=wanted.gco2e_per_kwh,
        notes=tuple(without_folders(one_line(note)) for note in notes[:MOST_NOTES]),
        version=__version__,
    )


def gather_costs(wanted: Wanted) -> tuple[CostFacts, ...]:
    """What all of it cost, without looking at anything else."""
    records, _ = read_records(wanted.results)
    names = zip(wanted.workspaces, _names(wanted.workspaces), strict=True)
    return _costs(wanted, [(name, workspace_cost(path, declared=wanted)) for path, name in names], records)


def _names(workspaces: Sequence[Path]) -> list[str]:
    """Short names; those of one name are told apart by the folders that they are in, as few as it takes."""
    return [
        one_line(next(name for name in _tails(path) if sum(name in _tails(one) for one in workspaces) == 1))
        for path in workspaces
    ]


def _tails(path: Path) -> list[str]:
    """`c`, `b/c` and `/a/b/c` of the path /a/b/c."""
    return [Path(*path.parts[-count:]).as_posix() for count in range(1, len(path.parts) + 1)]


def _link(path: Path, beside: Path) -> str:
    """How a page in `beside` leads to a folder: without the names of folders above both."""
    return Path(os.path.relpath(path, beside)).as_posix()


def _compared(
    wanted: Wanted, runs: Sequence[RunFacts], records: Sequence[Record], notes: list[str]
) -> Sequence[Compared]:
    def phases(record: Record) -> list[dict[str, Any]]:
        return _phases(wanted.results, record, notes)

    if wanted.a or wanted.b:
        if not (wanted.a and wanted.b):
            raise ConfigError("two sides are needed to compare", remedy="give A=... and B=...")
        sides = [select_records(records, name) for name in (wanted.a, wanted.b)]
        return compare_records(sides[0], sides[1], phases, names=(wanted.a, wanted.b))
    if len(runs) > 1:
        return [each for run in runs[1:] for each in compare_runs(runs[0], run)]
    if newest := _two_newest(records):
        sides = [[one for one in records if set_of(one.bench) == bench] for bench in newest]
        return compare_records(sides[0], sides[1], phases, names=newest)
    return ()


def _two_newest(records: Sequence[Record]) -> tuple[str, str] | None:
    """The names of the last two benches of the set-up that was measured last."""
    own = sorted(
        (record for record in records if record.case == "train" and record.runs),
        key=lambda one: (one.started_utc, one.id),
    )
    alike = [one for one in own if setup(one) == setup(own[-1])]
    benches = list(dict.fromkeys(set_of(one.bench) for one in alike))
    return (benches[-2], benches[-1]) if len(benches) > 1 else None


def _machine(results: Path, records: Sequence[Record], notes: list[str]) -> MachineAtWork | None:
    for record in candidates(records):
        shares = [summarise(repeats(one, SHARE)) for one in records if one.bench == record.bench]
        share_pct = next((share.mean for share in shares if share is not None), None)
        samples = _samples(results, record, notes)
        if shown := machine_at_work(record, samples, _phases(results, record, notes), share_pct):
            return shown
    return None


def _samples(results: Path, record: Record, notes: list[str]) -> Mapping[str, NDArray[np.float64]]:
    try:
        return read_samples(results / record.platform / record.id)
    except SamplesError as error:
        notes.append(f"passed over: {error.message}")
        return {}


def _phases(results: Path, record: Record, notes: list[str]) -> list[dict[str, Any]]:
    try:
        return read_phases(results / record.platform / record.id)
    except DataError as error:
        notes.append(f"passed over: {error.message}")
        return []


def _costs(
    wanted: Wanted, runs: Sequence[tuple[str, Cost]], records: Sequence[Record]
) -> tuple[CostFacts, ...]:
    said = {"power_w": wanted.power_w, "gco2e_per_kwh": wanted.gco2e_per_kwh}
    rows = [CostFacts(title=f"workspace {name}", cost=spent) for name, spent in runs if spent.uses]
    for platform in sorted({record.platform for record in records}):
        own = [record for record in records if record.platform == platform]
        rows.append(
            CostFacts(title=one_line(f"records of {platform}"), cost=cost(uses_of_records(own), **said))
        )
    return tuple(rows)
