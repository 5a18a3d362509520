"""Whether a record may be compared with others, judged by what was seen while it was made."""

from harness.domain.record import Record

MOST_OTHER_CPU_PCT = 10.0  # of the machine
MOST_CLOCK_JUMP_S = 0.5


def faults(record: Record) -> tuple[str, ...]:
    """Why `record` must not be compared, in words; empty: it is clean."""
    found = []
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
        if seen.ecc_errors or seen.xid_events:
            found.append("the GPU reported errors")
        if seen.clock_jump_s > MOST_CLOCK_JUMP_S:
            found.append(f"the clock jumped by {seen.clock_jump_s:.1f} s")
    return tuple(found)
