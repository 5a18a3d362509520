"""The energy that each device used in a span of time, or why nobody can tell.

A device with a counter is judged by its counter alone: power is integrated beside it and compared with it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.measure.comparability import MOST_CLOCK_JUMP_S
from harness.measure.record import Energy

Numbers = NDArray[np.float64]
Samples = Mapping[str, Numbers]
Span = tuple[float, float]  # start and end, in seconds since 1970
Trace = tuple[Numbers, Numbers]  # times and values of one sensor, where it told a value
COUNTER, POWER = "_energy_total_j", "_power_w"
GAP_BEATS = 2.5  # samples further apart are no neighbours: what happened between them nobody saw
LEAST_COVERAGE_PCT = 95.0
MOST_DIFFERENCE_PCT = 3.0  # of integrated power from the counter; more is told
MOST_EDGE_PCT = 2.0  # of the time: how far starts and ends between two samples lie from the nearer one
STUCK_REFRESHES = 5  # a counter that stays the same for so many of its usual refreshes is stuck
STAIRCASE_BEATS = 1.5  # a counter that is refreshed less often than this is a staircase
LONGEST_PAUSE_S = 60.0  # RAPL starts again after 65 kJ, which a package of a kilowatt uses in this time


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """What one sensor tells of the spans; `reason` says why it tells no joules."""

    joules: float = 0.0
    coverage_pct: float = 0.0
    refresh_s: float | None = None
    reason: str = ""


def energies(
    samples: Samples,
    spans: Sequence[Span],
    *,
    gpu_hz: float,
    host_hz: float,
    used: Collection[str] | None = None,
) -> tuple[Energy, ...]:
    """One for each GPU that was used, and one for the CPU where its energy is told; of all spans together.

    Joules of the covered share of the time are scaled to the whole of it.

    Args:
        samples: those just before and just after each span included, from which sensors are interpolated.
        spans: of a run, or of all phases of one name; they do not overlap.
        gpu_hz: how often GPUs were read, per second.
        host_hz: how often the rest of the machine was read, per second.
        used: GPUs that were used, gpu0 …; None where that is not known: all that were watched.
    """
    told = {name for name, column in samples.items() if np.isfinite(column).any()}
    devices = {name.partition("_")[0] for name in told if name.endswith((COUNTER, POWER))}
    devices |= {name.partition("_")[0] for name in samples if name.startswith("gpu")}
    devices -= {name for name in devices if used is not None and name.startswith("gpu") and name not in used}
    total_s = sum(end_s - start_s for start_s, end_s in spans)
    if total_s <= 0:
        return ()
    moved_s = _clock_moved_s(samples, spans, 1 / host_hz)
    why = f"the clock jumped by {moved_s:.1f} s" if moved_s > MOST_CLOCK_JUMP_S else ""
    return tuple(
        _energy(device, samples, spans, 1 / (gpu_hz if device.startswith("gpu") else host_hz), why)
        for device in sorted(devices, key=lambda one: (len(one), one))
    )


def remarks(energies: Iterable[Energy]) -> list[str]:
    """A line for each device without a figure, or whose counter and power tell different joules."""
    lines = []
    for one in energies:
        if one.reason:
            lines.append(f"energy of {one.device} cannot be told: {one.reason}")
        elif abs(one.difference_pct or 0.0) > MOST_DIFFERENCE_PCT:
            lines.append(f"energy of {one.device}: power is {one.difference_pct:+.1f} % off its counter")
    return lines


def _energy(device: str, samples: Samples, spans: Sequence[Span], beat_s: float, why: str) -> Energy:
    counter, power = (_read(samples, device, kind, spans, beat_s) for kind in (COUNTER, POWER))
    method, reading, other = "counter", counter, power
    if counter is None:
        method, reading, other = ("integral" if power else ""), power, None
    if reading is None:
        return Energy(
            device=device,
            method="",
            energy_j=None,
            refresh_s=None,
            coverage_pct=0.0,
            reason="its sensors told nothing",
        )
    reason = why or reading.reason
    energy_j = None if reason else round(reading.joules, 3)
    other_j = round(other.joules, 3) if other and energy_j and not other.reason else None
    return Energy(
        device=device,
        method=method,
        energy_j=energy_j,
        refresh_s=reading.refresh_s,
        coverage_pct=round(reading.coverage_pct, 2),
        other_j=other_j,
        reason=reason,
        difference_pct=round(100 * (other_j / energy_j - 1), 2) if other_j and energy_j else None,
    )


def _read(samples: Samples, device: str, kind: str, spans: Sequence[Span], beat_s: float) -> _Reading | None:
    """What a sensor tells; None where it told nothing at all."""
    column = samples.get(device + kind, np.array([]))
    known = np.isfinite(column)
    if not known.any():
        return None
    traces = [_around(samples["unix_s"][known], column[known], span, beat_s) for span in spans]
    refresh_s = _refresh_s(traces)
    sums = [_sum(trace, span, kind, beat_s) for trace, span in zip(traces, spans, strict=True)]
    joules, counted_s, covered_s, edges_s = (float(sum(column)) for column in zip(*sums, strict=True))
    total_s = sum(end_s - start_s for start_s, end_s in spans)
    if kind == COUNTER and refresh_s and refresh_s > STAIRCASE_BEATS * beat_s:
        edges_s += refresh_s * len(spans)
    coverage_pct, edges_pct = min(100 * covered_s / total_s, 100.0), 100 * edges_s / total_s
    faults = [_fault(trace, kind, beat_s, refresh_s or 0.0, total_s) for trace in traces]
    pause_s = max((float(np.diff(times_s).max(initial=0)) for times_s, _ in traces))
    if device == "cpu" and pause_s > LONGEST_PAUSE_S:
        faults.append(f"its counter may have started again in a pause of {pause_s:.0f} s")
    if coverage_pct < LEAST_COVERAGE_PCT:
        faults.append(f"only {coverage_pct:.0f} % of the time lies between neighbouring samples")
    if edges_pct > MOST_EDGE_PCT:
        faults.append(f"too short: its ends lie up to {edges_pct:.0f} % of the time from the nearest samples")
    return _Reading(
        joules=joules * total_s / counted_s if counted_s else 0.0,
        coverage_pct=coverage_pct,
        refresh_s=None if refresh_s is None else round(refresh_s, 4),
        reason=next(filter(None, faults), ""),
    )


def _around(times_s: Numbers, values: Numbers, span: Span, beat_s: float) -> Trace:
    """The samples of a span, with those just before and just after it."""
    first, last = (int(np.searchsorted(times_s, *side)) for side in ((span[0], "left"), (span[1], "right")))
    if 0 < first < times_s.size and times_s[first] - times_s[first - 1] <= GAP_BEATS * beat_s:
        first -= 1
    if 0 < last < times_s.size and times_s[last] - times_s[last - 1] <= GAP_BEATS * beat_s:
        last += 1
    return times_s[first:last], values[first:last]


def _refresh_s(traces: Iterable[Trace]) -> float | None:
    """Time between new values of a sensor, as observed."""
    changes = [times_s[1:][np.diff(values) != 0] for times_s, values in traces]
    steps_s = np.concatenate([np.diff(changed_s) for changed_s in changes])
    return float(np.median(steps_s)) if steps_s.size else None


def _sum(trace: Trace, span: Span, kind: str, beat_s: float) -> tuple[float, float, float, float]:
    """Joules in a span, the seconds in which they were counted and those covered, and how far off its ends.

    A counter goes on during a pause of the sampler, so its joules count, but the pause is not covered.
    """
    times_s, values = trace
    if not times_s.size:
        return 0.0, 0.0, 0.0, span[1] - span[0]
    starts_s, ends_s, steps_s = times_s[:-1], times_s[1:], np.diff(times_s)
    overlap_s = (np.minimum(ends_s, span[1]) - np.maximum(starts_s, span[0])).clip(0)
    near = steps_s <= GAP_BEATS * beat_s
    counts = near | ((starts_s >= span[0]) & (ends_s <= span[1])) if kind == COUNTER else near
    joules = np.diff(values) if kind == COUNTER else steps_s * (values[1:] + values[:-1]) / 2
    shares = np.divide(overlap_s, steps_s, out=np.zeros_like(steps_s), where=steps_s > 0)
    within = (edge_s for edge_s in span if times_s[0] <= edge_s <= times_s[-1])  # beyond, it is not covered
    edges_s = sum(float(np.abs(times_s - edge_s).min()) for edge_s in within)
    return (joules * shares)[counts].sum(), overlap_s[counts].sum(), overlap_s[near].sum(), edges_s


def _fault(trace: Trace, kind: str, beat_s: float, refresh_s: float, total_s: float) -> str:
    """What is wrong with the values themselves, in words; "" where nothing is."""
    times_s, values = trace
    if times_s.size < 2:
        return ""
    if (np.diff(times_s) <= 0).any():
        return "the clock went back"
    if kind == POWER:
        return "its power is below zero" if (values < 0).any() else ""
    if (steps := np.diff(values)).min() < 0:
        return f"its counter went back by {-steps.min():.0f} J"
    changes = np.flatnonzero(steps)
    same_s = times_s[[*changes, -1]] - times_s[[0, *(changes + 1)]]  # from first to last sample of one value
    if not changes.size or same_s.max() > max(STUCK_REFRESHES * max(refresh_s, beat_s), total_s / 100):
        return f"its counter stood still for {same_s.max():.1f} s"
    return ""


def _clock_moved_s(samples: Samples, spans: Sequence[Span], beat_s: float) -> float:
    """The most that the wall clock had moved against the steady one by the end of a span."""
    column = samples.get("clock_jump_s", np.array([]))
    known = np.isfinite(column)
    if not known.any():
        return 0.0
    traces = (_around(samples["unix_s"][known], column[known], span, beat_s) for span in spans)
    return max((float(np.abs(values).max()) for _, values in traces if values.size), default=0.0)
