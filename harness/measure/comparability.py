"""Whether records may be compared: each by what was seen while it was made, and any two by what must be equal."""

from harness.measure.record import Record
from harness.workspace.marker import DIGEST_SHOWN

MOST_OTHER_CPU_PCT = 10.0  # of the machine
MOST_CLOCK_JUMP_S = 0.5
MOST_START_TEMPERATURE_C = 65.0  # a data-centre GPU at rest is below 50; one that starts hot slows down sooner


def faults(record: Record) -> tuple[str, ...]:
    """Why `record` must not be compared, in words; empty: it is clean."""
    found = []
    if record.status != "ok":
        found.append(
            f"it {'failed' if record.status == 'failed' else 'ended early'}: {record.reason or 'no reason told'}"
        )
    if record.source != "measured":
        found.append(f"imported from {record.source}: what ran is not known")
    if record.code is not None and record.code.dirty:
        found.append(f"code was changed and not committed: {', '.join(record.code.dirty)}")
    seen = record.observed
    if seen is not None:
        if seen.other_gpu_processes:
            found.append(f"{seen.other_gpu_processes} other processes on the GPU")
        if seen.other_cpu_pct is not None and seen.other_cpu_pct > MOST_OTHER_CPU_PCT:
            found.append(f"other processes took {seen.other_cpu_pct:.0f} % of the CPU")
        if seen.throttle_reasons:
            found.append(f"the GPU was slowed down: {', '.join(seen.throttle_reasons)}")
        if seen.start_temperature_c is not None and seen.start_temperature_c > MOST_START_TEMPERATURE_C:
            found.append(f"the GPU was at {seen.start_temperature_c:.0f} °C before it began")
        if seen.ecc_errors or seen.xid_events:
            found.append("the GPU reported errors")
        if seen.clock_jump_s > MOST_CLOCK_JUMP_S:
            found.append(f"the clock jumped by {seen.clock_jump_s:.1f} s")
    return tuple(found)


def reasons(record: Record) -> tuple[str, ...]:
    """The label a record carries; one that was cut short carries none yet and is judged here."""
    return record.not_comparable or faults(record)


def differences(one: Record, other: Record) -> list[tuple[str, str, str]]:
    """(condition, its value here, its value there) where they are not the same."""
    names = sorted({*one.conditions, *other.conditions})
    told = [(name, _told(one, name), _told(other, name)) for name in names]
    return [(name, here, there) for name, here, there in told if here != there]


def _told(record: Record, name: str) -> str:
    value = str(record.conditions.get(name, "not noted"))
    return value[:DIGEST_SHOWN] if name.endswith("sha256") else value
