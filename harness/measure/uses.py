"""What took a machine, read from records, tries and jobs: the uses that `cost` adds up."""

from collections.abc import Sequence
from dataclasses import replace

from harness.engine.phases import STAGING
from harness.measure.cost import Use
from harness.measure.record import Record
from harness.queue.states import Allocation
from harness.stages.tries import Fate, Try


def uses_of_records(records: Sequence[Record]) -> list[Use]:
    """The uses of records: of a bench through a queue what its jobs took, else the runs of each record.

    Cases of a bench take turns, so that the time of a record is that of its runs.
    """
    by_bench: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        by_bench.setdefault((record.platform, record.bench), []).append(record)
    return [use for of_bench in by_bench.values() for use in _of_bench(of_bench)]


UNREAD = Use(
    what="jobs whose notes cannot be read",
    fate="not recorded",
    duration_s=None,
    gpus=None,
    cores=None,
    machines=None,
    queue_s=None,
    staging_s=None,
    lost_s=None,
)


def uses_of_workspace(tries: Sequence[Try], allocations: Sequence[Allocation], unread: int = 0) -> list[Use]:
    """The uses of a workspace: what jobs had of nodes, and tries outside of them.

    Args:
        unread: of how many runs of jobs nobody can read the notes.
    """
    spans = [(each.started_s, each.ended_s) for each in allocations]
    own = [
        one
        for one in tries
        if one.fate is not Fate.UNDER_WAY
        if not any(low <= (one.started_s or 0.0) < high for low, high in spans)
    ]
    return [*(_of_allocation(each, tries) for each in allocations), *map(_of_try, own), *[UNREAD] * unread]


def _of_allocation(one: Allocation, tries: Sequence[Try]) -> Use:
    inside = [each for each in tries if one.started_s <= (each.started_s or 0.0) < one.ended_s]
    return Use(
        what="a job's stay on its nodes",
        fate="ok" if one.finished else "cut short",
        duration_s=one.ended_s - one.started_s,
        gpus=one.gpus,
        cores=one.cores,
        machines=one.machines,
        queue_s=max(one.started_s - one.eligible_s, 0.0),
        staging_s=sum(map(_staging_s, inside)),
        lost_s=0.0 if one.finished else one.ended_s - max(one.kept_s, one.started_s),
    )


def _of_try(one: Try) -> Use:
    lasted_s = one.lasted_s
    return Use(
        what=f"{one.stage} {one.name}",
        fate="ok" if one.fate.is_good else one.fate.value,
        duration_s=lasted_s,
        gpus=one.gpus,
        cores=one.cores,
        machines=one.machines,
        staging_s=_staging_s(one),
        lost_s=None if lasted_s is None else lasted_s - one.kept_s,
        is_cut=one.ended_s is None,
    )


def _staging_s(one: Try) -> float:
    return sum(float(each["duration_s"]) for each in one.phases if each["phase"] == STAGING)


def _of_bench(records: Sequence[Record]) -> list[Use]:
    costs = [record.jobs for record in records if record.jobs is not None]
    if not costs:
        return [_of_record(record) for record in records]
    last = max(costs, key=lambda one: one.allocated_s)  # each record has what its bench had cost by then
    parts = [_of_record(record) for record in records]
    return [
        Use(
            what=f"{records[0].platform}/{records[0].bench}",
            fate=next((part.fate for part in parts if part.fate != "ok"), "ok"),
            duration_s=last.allocated_s,
            gpus=_if_all_tell([part.gpus for part in parts]),
            cores=_if_all_tell([part.cores for part in parts]),
            machines=_if_all_tell([part.machines for part in parts]),
            queue_s=last.queue_s,
            staging_s=sum(part.staging_s or 0.0 for part in parts),
            lost_s=last.lost_s,
            energies=tuple(each for part in parts for each in part.energies),
        )
    ]


def _if_all_tell(counts: Sequence[float | None]) -> float | None:
    """The largest; None where one is not known."""
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _of_record(record: Record) -> Use:
    whole_s = sum(run.duration_s for run in record.runs)
    use = Use(
        what=f"{record.platform}/{record.id}",
        fate=record.status,
        duration_s=whole_s,
        gpus=_gpus(record),
        cores=_cores(record),
        machines=float(record.conditions.get("nodes") or 1),
        staging_s=sum(phase.total_s for phase in record.phases if phase.phase == STAGING),
        energies=tuple((run.duration_s, run.energy if run.probed else ()) for run in record.runs),
    )
    if record.status == "ok":
        return use
    # The run in which it ended is in no record.
    return replace(use, duration_s=whole_s or None, lost_s=whole_s or None, is_cut=True)


def _gpus(record: Record) -> float | None:
    """GPUs that a record had to itself, over all machines; None where that is not recorded."""
    nodes = int(record.conditions.get("nodes") or 1)
    if record.machine is not None and not record.machine.gpus:
        return 0
    told = record.conditions.get("gpus")
    return int(told) * nodes if isinstance(told, int) and told else None


def _cores(record: Record) -> float | None:
    """Cores that a record may have used, over all machines; None where that is not recorded."""
    if record.machine is None:
        return None
    nodes = int(record.conditions.get("nodes") or 1)
    limits = [float(record.machine.cores)]
    if record.machine.cpu_limit:
        limits.append(record.machine.cpu_limit)
    affinity = record.facts.get("cpu_affinity")
    if isinstance(affinity, str) and (count := count_of_list(affinity)):
        limits.append(float(count))
    return min(limits) * nodes


def count_of_list(text: str) -> int:
    """How many numbers a list such as `0-3,8` names; 0 where it is none."""
    count = 0
    for part in text.split(","):
        ends = part.split("-")
        if not all(end.isdecimal() for end in ends) or len(ends) > 2:
            return 0
        count += int(ends[-1]) - int(ends[0]) + 1
    return count
