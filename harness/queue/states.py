"""Slurm's job states, and what one run over several jobs cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.settings.table import NOT_NEGATIVE, PERCENT

# Verbs besides the stages that a job can do. Half a measurement is none: they are not continued in another
# job.
MEASURING = ("bench", "scaling")

PENDING, RUNNING, COMPLETED, FAILED = "PENDING", "RUNNING", "COMPLETED", "FAILED"
# States in which a job is not over; every other state is its last. squeue(1) of Slurm 22.05, JOB STATE CODES.
UNFINISHED = frozenset({
    PENDING, RUNNING, "CONFIGURING", "COMPLETING", "STAGE_OUT", "SIGNALING", "SUSPENDED", "STOPPED",
    "RESIZING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD",
})  # fmt: skip
# Not Slurm's: the scheduler no longer knows the job, and the job did not note how it ended.
GONE = "GONE"
# What happened, and what may help, by the last state of a job that did not complete.
ADVICE = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "somebody cancelled it",
    "DEADLINE": "its deadline passed",
    FAILED: "its command failed",
    "NODE_FAIL": "its node went down",
    "OUT_OF_MEMORY": "it took more memory than it had: a smaller BATCH may help",
    "PREEMPTED": "a job of higher priority took its place",
    "TIMEOUT": "it was not over at its time limit: a larger WALL_TIME may help",
    GONE: "the scheduler no longer knows it, and it did not note how it ended",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow:
    """One job, or one task of an array, as the scheduler reports it."""

    job_id: str
    state: str
    task: str = ""  # in an array
    name: str = ""
    reason: str = ""


class Allocation(NamedTuple):
    """One time that a job had nodes; seconds since 1970."""

    eligible_s: float  # when it could have started
    started_s: float
    ended_s: float
    kept_s: float  # when the last thing was finished that a later allocation need not do again
    finished: bool  # it did what it was asked
    # Over all its machines; None: it did not note them.
    machines: int | None = None
    cores: int | None = None
    gpus: int | None = None


def array_row(rows: Sequence[JobRow]) -> JobRow:
    """The row that stands for all tasks of an array: one that is not over, else one that failed, else any."""
    rank = {RUNNING: 0, **dict.fromkeys(UNFINISHED - {RUNNING}, 1), COMPLETED: 3}
    return min(rows, key=lambda row: rank.get(row.state, 2))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one run through a queue took, over all its allocations. Records have these names."""

    stays: int = field(metadata=NOT_NEGATIVE)  # how many allocations there were
    queue_s: float = field(metadata=NOT_NEGATIVE)  # between the moments a job could have started and did
    allocated_s: float = field(metadata=NOT_NEGATIVE)  # on nodes
    lost_s: float = field(metadata=NOT_NEGATIVE)  # of work that has to be done again
    # The same at the rate of training; None where none is known.
    lost_steps: int | None = field(metadata=NOT_NEGATIVE)
    # Share of allocated_s that went into what was kept; None where nothing was allocated.
    goodput_pct: float | None = field(metadata=PERCENT)


def total_cost(allocations: Sequence[Allocation], images_per_s: float | None, batch: int) -> Cost:
    """What the allocations of one run add up to; `batch` is that of all its GPUs together."""
    allocated_s = sum(each.ended_s - each.started_s for each in allocations)
    lost_s = sum(each.ended_s - max(each.kept_s, each.started_s) for each in allocations if not each.finished)
    return Cost(
        stays=len(allocations),
        queue_s=round(sum(max(0.0, each.started_s - each.eligible_s) for each in allocations), 1),
        allocated_s=round(allocated_s, 3),
        lost_s=round(lost_s, 3),
        lost_steps=None if images_per_s is None else round(lost_s * images_per_s / batch),
        goodput_pct=round(100 * (1 - lost_s / allocated_s), 2) if allocated_s else None,
    )
