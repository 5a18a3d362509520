"""Samples and phases in short: what goes into a record besides the measurements themselves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.record import Energy, Observed, PhaseSummary, Probe, Run, Series, Verdict
from probe.samples import THROTTLE_REASONS

Numbers = NDArray[np.float64]
Samples = Mapping[str, Numbers]
TOTAL = "_total"
CLOCKS = ("unix_s", "late_s")
MANY_PCT, FEW_PCT = 20.0, 10.0  # of training's time, from where something holds it up, and below which it does not
BUSY_PCT = 90.0  # utilisation of a GPU that has no time to wait


def between(samples: Samples, start_s: float, end_s: float) -> dict[str, Numbers]:
    """The samples of a span of time."""
    times_s = samples.get("unix_s", np.array([]))
    inside = (times_s >= start_s) & (times_s <= end_s)
    return {name: column[inside] for name, column in samples.items()}


def series(samples: Samples) -> tuple[Series, ...]:
    """Each column in short; of a total only its change means something. Columns without a number are left out."""
    return tuple(_series(name, column) for name, column in samples.items() if np.isfinite(column).any())


def _series(name: str, column: Numbers) -> Series:
    found = column[np.isfinite(column)]
    plain = TOTAL not in name and name != "unix_s"
    return Series(
        metric=name,
        samples=found.size,
        missing=column.size - found.size,
        mean=float(found.mean()) if plain else None,
        median=float(np.median(found)) if plain else None,
        p95=float(np.percentile(found, 95)) if plain else None,
        low=float(found.min()),
        high=float(found.max()),
        change=float(found[-1] - found[0]),
    )


def phase_summaries(phases: Iterable[Mapping[str, Any]], samples: Samples) -> tuple[PhaseSummary, ...]:
    """Each phase in short, in the order they first came."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for phase in phases:
        by_name.setdefault(phase["phase"], []).append(phase)
    return tuple(_phase(name, found, samples) for name, found in by_name.items())


def _phase(name: str, found: Sequence[Mapping[str, Any]], samples: Samples) -> PhaseSummary:
    spans = [(one["started_unix_s"], one["started_unix_s"] + one["duration_s"]) for one in found]
    inside = [between(samples, *span) for span in spans]
    columns = [column for column in samples if TOTAL not in column and column not in CLOCKS]
    values = {column: np.concatenate([part[column] for part in inside]) for column in columns}
    return PhaseSummary(
        phase=name,
        count=len(found),
        total_s=round(sum(one["duration_s"] for one in found), 3),
        means={column: _mean(numbers) for column, numbers in values.items()},
        peaks={column: _highest(numbers) for column, numbers in values.items()},
    )


def _highest(values: Numbers) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None


def _mean(values: Numbers) -> float | None:
    found = values[np.isfinite(values)]
    return round(float(found.mean()), 4) if found.size else None


def energy(samples: Samples, start_s: float, end_s: float) -> tuple[Energy, ...]:
    """What each device used in a run: by its counter where it has one, else power integrated by trapezia."""
    inside = between(samples, start_s, end_s)
    devices = {name.partition("_")[0] for name in inside if name.endswith(("_energy_total_j", "_power_w"))}
    found = (_energy(device, inside, end_s - start_s) for device in sorted(devices))
    return tuple(one for one in found if one is not None)


def _energy(device: str, inside: Samples, duration_s: float) -> Energy | None:
    counted = _points(inside, f"{device}_energy_total_j")
    power = _points(inside, f"{device}_power_w")
    by_counter = float(counted[1][-1] - counted[1][0]) if counted[0].size > 1 else None
    by_power = float(np.sum(np.diff(power[0]) * (power[1][1:] + power[1][:-1]) / 2)) if power[0].size > 1 else None
    method, used_j, other_j = "counter", by_counter, by_power
    if used_j is None:
        method, used_j, other_j = "integral", by_power, None
    if used_j is None:
        return None
    times_s, values = counted if method == "counter" else power
    changed_s = times_s[1:][np.diff(values) != 0]
    return Energy(
        device=device,
        method=method,
        energy_j=round(used_j, 3),
        refresh_s=round(float(np.median(np.diff(changed_s))), 4) if changed_s.size > 1 else None,
        coverage_pct=round(100 * float(times_s[-1] - times_s[0]) / duration_s, 2),
        other_j=None if other_j is None else round(other_j, 3),
    )


def _points(inside: Samples, column: str) -> tuple[Numbers, Numbers]:
    """Times and values where there is a value; empty where there is no such column."""
    values = inside.get(column, np.array([]))
    known = np.isfinite(values)
    return inside["unix_s"][known] if values.size else values, values[known]


def probe(samples: Samples, runs: Sequence[Run], *, gpu_hz: float, host_hz: float, faults: Sequence[str]) -> Probe:
    """How the sampler did in the runs it watched."""
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
            spent_s, span_s = spent_s + float(used_s[-1] - used_s[0]), span_s + float(clocked_s[-1] - clocked_s[0])
    late = samples.get("late_s", np.array([]))
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
    """What else went on, as far as anybody could see."""
    bits = 0
    for column in _all(samples, "throttle_reasons"):
        bits |= int(np.bitwise_or.reduce(column[np.isfinite(column)].astype(np.int64), initial=0))
    host, tree = (samples.get(f"{name}_cpu_pct", np.array([])) for name in ("host", "tree"))
    temperatures = [column[np.isfinite(column)][:1] for column in _all(samples, "temperature_c")]
    starts = np.concatenate(temperatures) if temperatures else np.array([])
    jumps = samples.get("clock_jump_s", np.array([]))
    return Observed(
        other_gpu_processes=_whole(_all(samples, "other_processes"), np.nanmax),
        other_cpu_pct=max(others, 0.0) if (others := _mean(host - tree)) is not None else None,
        throttle_reasons=tuple(name for bit, name in THROTTLE_REASONS.items() if bits & bit),
        start_temperature_c=float(starts.max()) if starts.size else None,
        ecc_errors=_whole(_all(samples, "ecc_errors_total"), np.ptp),
        xid_events=_whole(_all(samples, "xid_events_total"), np.ptp),
        clock_jump_s=round(_highest(np.abs(jumps)) or 0.0, 3),
    )


def _all(samples: Samples, ending: str) -> list[Numbers]:
    """That column of each GPU."""
    return [column for name, column in samples.items() if name.startswith("gpu") and name.endswith(f"_{ending}")]


def _whole(columns: Iterable[Numbers], figure: Any) -> int | None:
    found = [column[np.isfinite(column)] for column in columns]
    return max((int(figure(column)) for column in found if column.size), default=None)


def verdict(phases: Sequence[Mapping[str, Any]], samples: Samples) -> Verdict:
    """What held training up: data, checkpoints, or nothing but the computing itself."""
    epochs = [phase for phase in phases if phase["phase"] == "epoch"]
    spent = {name: sum(one["duration_s"] for one in phases if one["phase"] == name) for name in ("epoch", "checkpoint")}
    wait_s, work_s = (sum(sum(epoch.get(name, ())) for epoch in epochs) for name in ("wait_s", "work_s"))
    means = _phase("epoch", epochs, samples).means if epochs and samples else {}
    busy = [mean for name, mean in means.items() if name.endswith("_utilisation_pct") and mean is not None]
    figures: dict[str, float | None] = {
        "wait_pct": round(100 * wait_s / (wait_s + work_s), 2) if work_s else None,
        "checkpoint_pct": round(100 * spent["checkpoint"] / sum(spent.values()), 2) if spent["epoch"] else None,
        "gpu_utilisation_pct": round(min(busy), 2) if busy else None,
        "host_cpu_pct": means.get("host_cpu_pct"),
    }
    return Verdict(**dict(zip(("word", "why"), _judged(figures), strict=True)), figures=figures)


def _judged(figures: Mapping[str, float | None]) -> tuple[str, str]:
    wait, saving, busy = (figures[name] for name in ("wait_pct", "checkpoint_pct", "gpu_utilisation_pct"))
    if saving is not None and saving >= MANY_PCT and saving >= (wait or 0):
        return "checkpoint-bound", f"{saving:.0f} % of training went into saving checkpoints"
    if wait is not None and wait >= MANY_PCT:
        return "data-starved", f"{wait:.0f} % of the steps' time was spent waiting for data"
    if wait is not None and wait < FEW_PCT:
        return "compute-bound", f"{wait:.0f} % of the steps' time was spent waiting for data"
    if wait is None and busy is not None and busy >= BUSY_PCT:
        return "compute-bound", f"the GPU was busy {busy:.0f} % of the time"
    found = "the engine tells no times of steps" if wait is None else f"waiting for data took {wait:.0f} % of the time"
    return "cannot tell", found
