"""Whether records may be compared: what disturbed each of them, and which of their facts differ.

    reasons(record)       faults that are known: the record must not be compared; empty: none is known
    doubts(record)        what nobody saw: whether it was disturbed cannot be told
    differences(a, b)     facts that differ (NO), or of which that cannot be told (CANNOT_TELL)

What a difference means is in its `fact`: `fact.compare` and `fact.gate` are its roles.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.measure.fact_table import ABSENT, FACTS, UNKNOWN, Fact, Role, value_of
from harness.measure.limit import ALL_PCT, largest_share_pct
from harness.measure.record import Condition, Observed, Probe, Record
from harness.verdict import Verdict
from harness.workspace.marker import DIGEST_SHOWN

MOST_OTHER_CPU_PCT = 10.0  # of the machine
MOST_STEAL_PCT = 2.0  # of the machine; a quiet virtual machine loses 0.2
MOST_THROTTLED_PCT = 1.0  # of the time
MOST_MISSED_PCT = 1.0  # of the sampler's beats
MOST_CLOCK_JUMP_S = 0.5
MOST_START_TEMPERATURE_C = 65.0  # a data-centre GPU at rest is below 50; a hot one slows down sooner


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A fact that is not known to be equal in two records."""

    fact: Fact
    here: str  # the first record's value, in words
    there: str
    verdict: Verdict  # whether the two are equal: NO or CANNOT_TELL

    @property
    def words(self) -> str:
        """For people: `seed is 42, there 7`."""
        name = self.fact.path.partition(".")[2] or self.fact.path
        return f"{name} is {self.here}, there {self.there}"


def reasons(record: Record) -> tuple[str, ...]:
    """Why `record` must not be compared, as it says; one that was cut short does not, and is judged here."""
    return record.not_comparable or judge(record)


def judge(record: Record) -> tuple[str, ...]:
    """Why `record` must not be compared, by what it holds, in words; empty: no fault is known."""
    return (*_of_origin(record), *(_of_surroundings(record) if record.observed is not None else ()))


def doubts(record: Record) -> tuple[str, ...]:
    """What was not seen of the surroundings of a record, in words: whether it is clean cannot be told."""
    seen, probe = record.observed, record.probe
    if seen is None or probe is None or not any(run.probed for run in record.runs):
        return ("nothing watched the machine meanwhile",)
    return (*_of_sampler(probe), *_of_strangers(record, seen))


def _of_origin(record: Record) -> Iterator[str]:
    if record.status != "ok":
        ending = "failed" if record.status == "failed" else "ended early"
        yield f"it {ending}: {record.reason or 'no reason told'}"
    if record.source != "measured":
        yield f"imported from {record.source}: what ran is not known"
    if (share_pct := largest_share_pct(record) or 0.0) > ALL_PCT:
        yield f"it computed at {share_pct:.0f} % of the machine's rate of matrix products, which cannot be"
    if record.code is not None and record.code.dirty:
        yield f"code was changed and not committed: {', '.join(record.code.dirty)}"


def _of_surroundings(record: Record) -> Iterator[str]:
    seen = record.observed
    assert seen is not None
    if seen.other_gpu_processes and not record.facts.get("gpus_exclusive"):
        yield f"{seen.other_gpu_processes} other processes on the GPU"
    if seen.other_cpu_pct is not None and seen.other_cpu_pct > MOST_OTHER_CPU_PCT:
        yield f"other processes took {seen.other_cpu_pct:.0f} % of the CPU"
    if (steal_pct := _mean(record, "steal_pct") or 0.0) > MOST_STEAL_PCT:
        yield f"other virtual machines took {steal_pct:.0f} % of the CPU"
    if slowed := _slowed_down(seen):
        yield f"the GPU was slowed down: {slowed}"
    if seen.start_temperature_c is not None and seen.start_temperature_c > MOST_START_TEMPERATURE_C:
        yield f"the GPU was at {seen.start_temperature_c:.0f} °C before it began"
    if seen.ecc_errors or seen.xid_events:
        yield "the GPU reported errors"
    if seen.clock_jump_s > MOST_CLOCK_JUMP_S:
        yield f"the clock jumped by {seen.clock_jump_s:.1f} s"


def _slowed_down(seen: Observed) -> str:
    """Reasons that held for more than a share of the time; in older records, for any time."""
    if seen.throttled_pct is None:
        return ", ".join(seen.throttle_reasons)
    shares_pct = {name: seen.throttled_pct.get(name, 100.0) for name in seen.throttle_reasons}
    return ", ".join(
        f"{name} for {share_pct:.0f} % of the time"
        for name, share_pct in shares_pct.items()
        if share_pct > MOST_THROTTLED_PCT
    )


def _of_sampler(probe: Probe) -> Iterator[str]:
    yield from (f"the sampler complained: {fault}" for fault in probe.faults)
    if probe.gaps_s:
        yield f"nobody looked for {sum(probe.gaps_s):.1f} s"
    beats = probe.samples + probe.missed_beats
    if not probe.samples or probe.missed_beats > MOST_MISSED_PCT / 100 * beats:
        yield f"the sampler missed {probe.missed_beats} of {beats} beats"


def _of_strangers(record: Record, seen: Observed) -> Iterator[str]:
    """Strangers that could not be looked for; where an allocation is exclusive there are none."""
    if seen.other_cpu_pct is None and not record.facts.get("node_exclusive"):
        yield "whether other processes used the CPU could not be seen"
    gpus = record.machine is not None and record.machine.gpus
    if gpus and seen.other_gpu_processes is None and not record.facts.get("gpus_exclusive"):
        yield "whether other processes used the GPU could not be seen"


def _mean(record: Record, metric: str) -> float | None:
    return next((one.mean for one in record.series if one.metric == metric), None)


def differences(one: Record, other: Record) -> list[Difference]:
    """Facts that concern these two records and are not known to be equal, questions of `compare` first."""
    found = [_difference(fact, one, other) for fact in _facts_of(one, other)]
    order = [*Role]
    return sorted(filter(None, found), key=lambda difference: order.index(difference.fact.compare))


def _facts_of(one: Record, other: Record) -> Iterator[Fact]:
    """Rows of the table, less conditions that neither has; a condition without a row must be equal.

    Of an older record all `facts` are one row.
    """
    conditions = {f"conditions.{name}" for record in (one, other) for name in record.conditions}
    told = {*conditions, *(() if one.facts and other.facts else ("facts",))}
    for fact in FACTS:
        whole = fact.path.partition(".")[0]
        is_there = "facts" not in told if whole == "facts" else whole != "conditions" or fact.path in told
        if is_there and fact.concerns(one):
            yield fact
    for path in sorted(told - {fact.path for fact in FACTS}):
        yield Fact(path=path, compare=Role.CONDITION, gate=Role.CONDITION)


def _difference(fact: Fact, one: Record, other: Record) -> Difference | None:
    here, there = value_of(one, fact.path), value_of(other, fact.path)
    is_unknown = here in UNKNOWN or there in UNKNOWN
    if here == there and not is_unknown:
        return None
    return Difference(
        fact=fact,
        here=_shown(fact, here),
        there=_shown(fact, there),
        verdict=Verdict.CANNOT_TELL if is_unknown else Verdict.NO,
    )


def _shown(fact: Fact, value: Condition) -> str:
    is_digest = fact.path.endswith("sha256") and value not in (ABSENT, *UNKNOWN)
    return str(value)[:DIGEST_SHOWN] if is_digest else str(value)
