"""A machine at work, as a record saw it: utilisation, memory and power over time, phases and the verdict."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.limit import SHARE
from harness.measure.record import Record, Run, repeats
from harness.measure.stats import summarise
from harness.report.selection import GIB, is_comparable, setup
from harness.text import one_line

Columns = Mapping[str, NDArray[np.float64]]
CASES = ("chain", "train", "imported")  # that show a machine at work, the best first
BINS = 240  # of the time of a run
LEAST_SHARE = 0.002  # of that time: a shorter phase is not drawn
STAGE = "stage "
# What is shown: words, unit, the columns, their divisor, whether they add up over GPUs, the top of its axis.
LANES: tuple[tuple[str, str, str, float, bool, float | None], ...] = (
    ("GPU utilisation, mean", "%", r"gpu\d+_utilisation_pct", 1.0, False, 100.0),
    ("GPU memory, sum", "GiB", r"gpu\d+_memory_used_bytes", GIB, True, None),
    ("GPU power, sum", "W", r"gpu\d+_power_w", 1.0, True, None),
    ("CPU, our processes", "%", r"tree_cpu_pct", 1.0, False, 100.0),
    ("CPU, everybody", "%", r"host_cpu_pct", 1.0, False, 100.0),
    ("memory, our processes", "GiB", r"tree_rss_bytes", GIB, False, None),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """One quantity over time: of each of BINS the mean, least and largest sample; None without any."""

    name: str
    unit: str
    mean: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    top: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseBar:
    """A phase, in seconds since the start of the run."""

    name: str
    start_s: float
    end_s: float
    is_stage: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineAtWork:
    """One run of a record."""

    record: str
    title: str
    lasted_s: float
    lanes: tuple[Lane, ...]
    phases: tuple[PhaseBar, ...]
    word: str  # what limited training
    why: str
    remedy: str
    limit_share_pct: float | None  # of the machine's own rate of matrix products
    disturbed: bool


def candidates(records: Sequence[Record]) -> list[Record]:
    """Records that show a machine at work: comparable ones first, then by case, then the last begun."""
    shown = [record for record in records if record.case in CASES and any(run.probed for run in record.runs)]
    shown.sort(key=lambda one: (one.started_utc, one.id), reverse=True)
    return sorted(shown, key=lambda one: (not is_comparable(one), CASES.index(one.case)))


def machine_at_work(
    record: Record, samples: Columns, phases: Sequence[Mapping[str, Any]], limit_share_pct: float | None
) -> MachineAtWork | None:
    """The longest run of a record that was sampled; None where no sample tells anything.

    Args:
        limit_share_pct: that of its bench, where the record itself has none.
    """
    runs = sorted((run for run in record.runs if run.probed and run.duration_s > 0), key=_length)
    if not runs or "unix_s" not in samples:
        return None
    run = runs[-1]
    lanes = tuple(lane for lane in (_lane(run, samples, *spec) for spec in LANES) if lane is not None)
    if not lanes:
        return None
    share = summarise(repeats(record, SHARE))
    verdict = record.verdict
    return MachineAtWork(
        record=one_line(f"{record.platform}/{record.id}"),
        title=one_line(f"{record.case} on {setup(record).line}"),
        lasted_s=run.duration_s,
        lanes=lanes,
        phases=tuple(_bars(run, phases)),
        word=one_line(verdict.word) if verdict else "",
        why=one_line(verdict.why) if verdict else "",
        remedy=one_line(verdict.remedy) if verdict else "",
        limit_share_pct=share.mean if share else limit_share_pct,
        disturbed=not is_comparable(record),
    )


def _length(run: Run) -> float:
    return run.duration_s


def _lane(
    run: Run,
    samples: Columns,
    name: str,
    unit: str,
    pattern: str,
    divisor: float,
    added: bool,
    top: float | None,
) -> Lane | None:
    columns = [column for key, column in samples.items() if re.fullmatch(pattern, key)]
    if not columns:
        return None
    together = np.array(columns) / divisor
    values = together.sum(axis=0) if added else together.mean(axis=0)
    known = np.isfinite(values) & np.isfinite(samples["unix_s"])
    places = np.floor((samples["unix_s"][known] - run.started_unix_s) / run.duration_s * BINS).astype(
        np.int64
    )
    inside = (places >= 0) & (places < BINS)
    bins: list[list[float]] = [[] for _ in range(BINS)]
    for place, value in zip(places[inside].tolist(), values[known][inside].tolist(), strict=True):
        bins[place].append(value)
    if not any(bins):
        return None
    bins = _bridged(bins)
    return Lane(
        name=name,
        unit=unit,
        mean=tuple(sum(each) / len(each) if each else None for each in bins),
        low=tuple(min(each, default=None) for each in bins),
        high=tuple(max(each, default=None) for each in bins),
        top=top or max(max(each) for each in bins if each) or 1.0,
    )


def _bridged(bins: list[list[float]]) -> list[list[float]]:
    """Where beats are longer than bins, a sample stands for those up to the next one; a pause stays open."""
    filled = [place for place, each in enumerate(bins) if each]
    usual = int(np.median(np.diff(filled))) if len(filled) > 1 else 1
    bridged = [*bins]
    for place, after in itertools.pairwise(filled):
        if 1 < after - place <= 2 * usual + 1:
            bridged[place + 1 : after] = [bins[place]] * (after - place - 1)
    return bridged


def _bars(run: Run, phases: Sequence[Mapping[str, Any]]) -> Sequence[PhaseBar]:
    bars = []
    for one in phases:
        start_s = one["started_unix_s"] - run.started_unix_s
        end_s = min(start_s + one["duration_s"], run.duration_s)
        if one.get("run") != run.number or not math.isfinite(start_s) or end_s - max(start_s, 0.0) <= 0:
            continue
        if end_s - start_s >= LEAST_SHARE * run.duration_s:
            name = one_line(str(one["phase"]))
            is_stage = name.startswith(STAGE)
            bars.append(
                PhaseBar(
                    name=name.removeprefix(STAGE), start_s=max(start_s, 0.0), end_s=end_s, is_stage=is_stage
                )
            )
    return bars
