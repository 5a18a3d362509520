"""Samples and phases summarised: what a record holds besides the measurements themselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.energy import GAP_BEATS, energies
from harness.measure.record import Observed, PhaseSummary, Probe, Run, Series
from probe.samples import THROTTLE_REASONS

Numbers = NDArray[np.float64]
Samples = Mapping[str, Numbers]
TOTAL = "_total"
CLOCKS = ("unix_s", "late_s")
LEAST_BEATS = 5  # of the host: a shorter run was hardly watched


def between(samples: Samples, start_s: float, end_s: float) -> dict[str, Numbers]:
    """The samples of a span of time."""
    times_s = samples.get("unix_s", np.array([]))
    inside = (times_s >= start_s) & (times_s <= end_s)
    return {name: column[inside] for name, column in samples.items()}


def series(samples: Samples) -> tuple[Series, ...]:
    """Each column in short; columns without a number are left out."""
    return tuple(_series(name, column) for name, column in samples.items() if np.isfinite(column).any())


def _series(name: str, column: Numbers) -> Series:
    values = column[np.isfinite(column)]
    is_level = TOTAL not in name and name != "unix_s"  # of a counter only the change means something
    return Series(
        metric=name,
        samples=values.size,
        missing=column.size - values.size,
        mean=float(values.mean()) if is_level else None,
        median=float(np.median(values)) if is_level else None,
        p95=float(np.percentile(values, 95)) if is_level else None,
        low=float(values.min()),
        high=float(values.max()),
        change=float(values[-1] - values[0]) if TOTAL not in name else _increase(values),
    )


def _increase(values: Numbers) -> float:
    """By how much a counter grew. Each run has a sampler of its own, in which counters begin at 0 again."""
    steps = np.diff(values)
    return float(np.where(steps < 0, values[1:], steps).sum())


def phase_summaries(
    phases: Iterable[Mapping[str, Any]], samples: Samples, *, gpu_hz: float, host_hz: float
) -> tuple[PhaseSummary, ...]:
    """Each phase in short, in the order in which they first occurred."""
    used = used_gpus(samples)
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for phase in phases:
        by_name.setdefault(phase["phase"], []).append(phase)
    found = []
    for name, phases_of_name in by_name.items():
        spans = [_span(one) for one in phases_of_name]
        energy = energies(samples, spans, gpu_hz=gpu_hz, host_hz=host_hz, used=used) if samples else ()
        found.append(replace(_phase(name, phases_of_name, samples), energy=energy))
    return tuple(found)


def _span(phase: Mapping[str, Any]) -> tuple[float, float]:
    return phase["started_unix_s"], phase["started_unix_s"] + phase["duration_s"]


def _phase(name: str, phases: Sequence[Mapping[str, Any]], samples: Samples) -> PhaseSummary:
    """Phases of one name in short."""
    spans = [_span(one) for one in phases]
    columns = [column for column in samples if TOTAL not in column and column not in CLOCKS]
    traces = {column: _points(samples, column) for column in columns}
    return PhaseSummary(
        phase=name,
        count=len(phases),
        total_s=round(sum(one["duration_s"] for one in phases), 3),
        means={column: _mean_over(*trace, spans) for column, trace in traces.items()},
        peaks={column: _highest_in(*trace, spans) for column, trace in traces.items()},
    )


def _mean_over(times_s: Numbers, values: Numbers, spans: Iterable[tuple[float, float]]) -> float | None:
    """Mean of a sensor over spans of time; a sample tells of the time since the one before it.

    After a pause it tells of as much time as samples usually lie apart.
    """
    pace_s = float(np.median(np.diff(times_s))) if times_s.size > 1 else 0.0
    sooner_s = np.concatenate(([-np.inf], times_s))[: times_s.size]
    weight_s = total = 0.0
    for start_s, end_s in spans:
        first, last = np.searchsorted(times_s, start_s), np.searchsorted(times_s, end_s) + 1
        ends_s, before_s = times_s[first:last], sooner_s[first:last]
        starts_s = np.where(ends_s - before_s > GAP_BEATS * pace_s, ends_s - pace_s, before_s)
        shares_s = (np.minimum(ends_s, end_s) - np.maximum(starts_s, start_s)).clip(0)
        weight_s += float(shares_s.sum())
        total += float((shares_s * values[first:last]).sum())
    return round(total / weight_s, 4) if weight_s else None


def _highest_in(times_s: Numbers, values: Numbers, spans: Iterable[tuple[float, float]]) -> float | None:
    inside = [values[np.searchsorted(times_s, a) : np.searchsorted(times_s, b, "right")] for a, b in spans]
    return _highest(np.concatenate(inside)) if inside else None


def _highest(values: Numbers) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None


def _mean(values: Numbers) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(known.mean()), 4) if known.size else None


def _points(inside: Samples, column: str) -> tuple[Numbers, Numbers]:
    """Times and values where there is a value; empty where there is no such column."""
    values = inside.get(column, np.array([]))
    known = np.isfinite(values)
    return inside["unix_s"][known] if values.size else values, values[known]


def probe(
    samples: Samples,
    runs: Sequence[Run],
    *,
    gpu_hz: float,
    host_hz: float,
    faults: Sequence[str],
) -> Probe:
    """How the sampler did in the runs it watched; `faults` are what it complained of, in words."""
    watched = [run for run in runs if run.probed]
    parts = [between(samples, run.started_unix_s, run.started_unix_s + run.duration_s) for run in watched]
    period_s = 1 / max(gpu_hz if any(name.startswith("gpu") for name in samples) else 0.0, host_hz)
    missed, gaps, spent_s, span_s = 0, [], 0.0, 0.0
    for run, part in zip(watched, parts, strict=True):
        times_s = part.get("unix_s", np.array([]))
        edges = np.concatenate(([run.started_unix_s], times_s, [run.started_unix_s + run.duration_s]))
        missed += int(np.round(np.diff(times_s - part.get("late_s", times_s)) / period_s - 1).clip(0).sum())
        gaps += [round(float(gap), 3) for gap in np.diff(edges) if gap > max(1.0, period_s) + period_s / 2]
        clocked_s, used_s = _points(part, "probe_cpu_total_s") if part else (times_s, times_s)
        if used_s.size > 1:
            spent_s += float(used_s[-1] - used_s[0])
            span_s += float(clocked_s[-1] - clocked_s[0])
    late = samples.get("late_s", np.array([]))
    least_s = LEAST_BEATS / host_hz
    if short := sum(run.duration_s < least_s for run in watched):
        faults = [
            *faults,
            f"{short} of {len(watched)} runs lasted less than {least_s:g} s: too short to watch",
        ]
    return Probe(
        gpu_hz=gpu_hz,
        host_hz=host_hz,
        samples=late.size,
        missed_beats=missed,
        beat_error_p95_s=round(float(np.percentile(late, 95)), 6) if late.size else None,
        cpu_pct=round(100 * spent_s / span_s, 3) if span_s else None,
        gaps_s=tuple(gaps),
        faults=tuple(faults),
    )


def observed(samples: Samples) -> Observed:
    """What else went on, as far as the samples show it."""
    host, tree = (samples.get(f"{name}_cpu_pct", np.array([])) for name in ("host", "tree"))
    temperatures = [column[np.isfinite(column)][:1] for column in _of_gpus(samples, "temperature_c")]
    starts = np.concatenate(temperatures) if temperatures else np.array([])
    jumps = samples.get("clock_jump_s", np.array([]))
    throttled_pct = _throttled_pct(_of_gpus(samples, "throttle_reasons"))
    return Observed(
        other_gpu_processes=_most(_of_gpus(samples, "other_processes"), np.nanmax),
        other_cpu_pct=min(max(others, 0.0), 100.0) if (others := _mean(host - tree)) is not None else None,
        throttle_reasons=tuple(throttled_pct or ()),
        throttled_pct=throttled_pct,
        start_temperature_c=float(starts.max()) if starts.size else None,
        ecc_errors=_most(_of_gpus(samples, "ecc_errors_total"), np.ptp),
        xid_events=_most(_of_gpus(samples, "xid_events_total"), np.ptp),
        used_gpus=used_gpus(samples),
        clock_jump_s=round(_highest(np.abs(jumps)) or 0.0, 3),
    )


def _throttled_pct(columns: Sequence[Numbers]) -> dict[str, float] | None:
    """Reason -> share of the samples in which it held, of the GPU that had it most; none is 0.

    None where no GPU tells reasons.
    """
    if not any(np.isfinite(column).any() for column in columns):
        return None
    shares = dict.fromkeys(THROTTLE_REASONS, 0.0)
    for column in columns:
        bits = column[np.isfinite(column)].astype(np.int64)
        for bit in shares if bits.size else ():
            shares[bit] = max(shares[bit], 100 * float(np.mean(bits & bit > 0)))
    return {THROTTLE_REASONS[bit]: round(share, 4) for bit, share in shares.items() if share}


def used_gpus(samples: Samples) -> tuple[str, ...] | None:
    """GPUs on which processes of ours were seen, gpu0 …; None where none was seen, or nobody could tell."""
    columns = {name.partition("_")[0]: samples[name] for name in samples if name.endswith("_own_processes")}
    used = (gpu for gpu, column in columns.items() if (_highest(column) or 0) > 0)
    return tuple(sorted(used, key=lambda gpu: (len(gpu), gpu))) or None


def _of_gpus(samples: Samples, metric: str) -> list[Numbers]:
    """The column of that metric of each GPU."""
    return [samples[name] for name in samples if name.startswith("gpu") and name.endswith(f"_{metric}")]


def _most(columns: Iterable[Numbers], figure: Any) -> int | None:
    """The largest `figure` of a column; None where no column has a number."""
    known = [column[np.isfinite(column)] for column in columns]
    return max((int(figure(column)) for column in known if column.size), default=None)
