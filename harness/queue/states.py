"""Jobs in Slurm's words, and what one run over many jobs cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Verbs besides the stages that a job can do. Half a measurement is none: they are not taken up again.
MEASURING = ("bench", "scaling")
# States a job passes through; every other word is an end.
PASSING = frozenset(
    """PENDING CONFIGURING RUNNING COMPLETING STAGE_OUT SIGNALING SUSPENDED STOPPED RESIZING REQUEUED REQUEUE_FED
    REQUEUE_HOLD SPECIAL_EXIT RESV_DEL_HOLD""".split()  # noqa: SIM905
)
DONE = "COMPLETED"
GONE = "GONE"  # our word: the scheduler has forgotten the job, and the job left no word either
ADVICE = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "somebody cancelled it",
    "DEADLINE": "its deadline passed",
    "FAILED": "its command failed",
    "NODE_FAIL": "its node went down",
    "OUT_OF_MEMORY": "it took more memory than it had: a smaller BATCH may help",
    "PREEMPTED": "a job of higher priority took its place",
    "TIMEOUT": "it was not over at its time limit: a larger WALL_TIME may help",
    GONE: "the scheduler no longer knows it, and it left no word",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow:
    """One job, or one task of an array, as the scheduler tells it."""

    job_id: str
    state: str
    task: str = ""  # in an array
    name: str = ""
    reason: str = ""


class Stay(NamedTuple):
    """One time a job was on a node; seconds since 1970."""

    ready_s: float  # when it could have begun
    began_s: float
    ended_s: float
    kept_s: float  # when the last thing was finished that a later stay does not do again
    finished: bool  # it did what it was asked


def overall(rows: Sequence[JobRow]) -> JobRow:
    """The row that speaks for all tasks of an array: one that goes on, else one that failed, else any."""
    rank = {"RUNNING": 0, **dict.fromkeys(PASSING - {"RUNNING"}, 1), DONE: 3}
    return min(rows, key=lambda row: rank.get(row.state, 2))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one run through a queue took, over all its stays on nodes."""

    stays: int
    queue_s: float  # between the moments a job could have begun and those it began
    allocated_s: float  # on nodes
    lost_s: float  # of work that has to be done again
    lost_steps: int | None  # the same at the rate that training told; None where none is known
    goodput_pct: float | None  # share of allocated_s that went into what was kept; None where nothing was allocated


def account(stays: Sequence[Stay], images_per_s: float | None, batch: int) -> Cost:
    """What the stays of one run add up to; `batch` is that of all its GPUs together."""
    allocated_s = sum(stay.ended_s - stay.began_s for stay in stays)
    lost_s = sum(stay.ended_s - max(stay.kept_s, stay.began_s) for stay in stays if not stay.finished)
    return Cost(
        stays=len(stays),
        queue_s=round(sum(max(0.0, stay.began_s - stay.ready_s) for stay in stays), 1),
        allocated_s=round(allocated_s, 2),
        lost_s=round(lost_s, 2),
        lost_steps=None if images_per_s is None else round(lost_s * images_per_s / batch),
        goodput_pct=round(100 * (1 - lost_s / allocated_s), 2) if allocated_s else None,
    )
