"""Whether records may be compared: what disturbed each of them, and the conditions that must be equal."""

from collections.abc import Iterator

from harness.measure.record import Observed, Record
from harness.workspace.marker import DIGEST_SHOWN

MOST_OTHER_CPU_PCT = 10.0  # of the machine
MOST_CLOCK_JUMP_S = 0.5
MOST_START_TEMPERATURE_C = 65.0  # a data-centre GPU at rest is below 50; a hot one slows down sooner


def reasons(record: Record) -> tuple[str, ...]:
    """Why `record` must not be compared, as it says; one that was cut short does not, and is judged here."""
    return record.not_comparable or judge(record)


def judge(record: Record) -> tuple[str, ...]:
    """Why `record` must not be compared, by what it holds, in words; empty: it is clean."""
    return (*_of_origin(record), *(_of_surroundings(record.observed) if record.observed is not None else ()))


def _of_origin(record: Record) -> Iterator[str]:
    if record.status != "ok":
        ending = "failed" if record.status == "failed" else "ended early"
        yield f"it {ending}: {record.reason or 'no reason told'}"
    if record.source != "measured":
        yield f"imported from {record.source}: what ran is not known"
    if record.code is not None and record.code.dirty:
        yield f"code was changed and not committed: {', '.join(record.code.dirty)}"


def _of_surroundings(seen: Observed) -> Iterator[str]:
    if seen.other_gpu_processes:
        yield f"{seen.other_gpu_processes} other processes on the GPU"
    if seen.other_cpu_pct is not None and seen.other_cpu_pct > MOST_OTHER_CPU_PCT:
        yield f"other processes took {seen.other_cpu_pct:.0f} % of the CPU"
    if seen.throttle_reasons:
        yield f"the GPU was slowed down: {', '.join(seen.throttle_reasons)}"
    if seen.start_temperature_c is not None and seen.start_temperature_c > MOST_START_TEMPERATURE_C:
        yield f"the GPU was at {seen.start_temperature_c:.0f} °C before it began"
    if seen.ecc_errors or seen.xid_events:
        yield "the GPU reported errors"
    if seen.clock_jump_s > MOST_CLOCK_JUMP_S:
        yield f"the clock jumped by {seen.clock_jump_s:.1f} s"


def differing_conditions(one: Record, other: Record) -> list[tuple[str, str, str]]:
    """(condition, its value here, its value there) where they are not the same."""
    names = sorted({*one.conditions, *other.conditions})
    values = [(name, _shown(one, name), _shown(other, name)) for name in names]
    return [(name, here, there) for name, here, there in values if here != there]


def _shown(record: Record, name: str) -> str:
    value = str(record.conditions.get(name, "not noted"))
    return value[:DIGEST_SHOWN] if name.endswith("sha256") else value
