"""A record: one case measured once on one machine, with everything that decides what it may be compared with.

`docs/records.md` describes the same for readers of the files.
Numbers carry their unit in their name; a number that could not be read is None, never 0.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.queue.states import Cost
from harness.settings.table import NOT_NEGATIVE, PERCENT
from harness.units import unit_of

SCHEMA_VERSION = 1
STATUSES = ("ok", "failed", "truncated")
# End of the name of a measurement -> what its values can be. Losses and changes can be anything.
RANGES = (
    (r"(_s|_j|_w|_bytes|_efficiency_pct)$", NOT_NEGATIVE),
    (r"matmul_share_pct$", PERCENT),
    (r"mAP$", {"minimum": 0, "maximum": 1}),
)
Condition = str | int | float | bool | None
TRAINING = ("chain", "train", "scaling")  # cases that say how fast training is


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One of the GPUs that the workload could use."""

    name: str
    uuid: str  # of the GPU, or of the MIG instance
    memory_bytes: int | None = field(metadata=NOT_NEGATIVE)
    power_limit_w: float | None = field(metadata=NOT_NEGATIVE)
    mig: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """The machine that was measured. Records of different machines may be compared: that is the purpose."""

    host: str  # hash of the host's name, or the name where bench.toml asks for it
    cpu_model: str
    cores: int = field(metadata=NOT_NEGATIVE)  # logical, of the machine
    memory_bytes: int = field(metadata=NOT_NEGATIVE)
    os: str
    kernel: str
    python: str
    cpu_limit: float | None = field(metadata=NOT_NEGATIVE)  # cores the cgroup allows
    memory_limit_bytes: int | None = field(metadata=NOT_NEGATIVE)
    gpus: tuple[Gpu, ...]
    driver: str
    cuda: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What was run."""

    harness_version: str
    git_commit: str
    dirty: tuple[str, ...]  # changed files that decide what is measured; results/ and README.md do not
    packages: Mapping[str, str]  # name -> version; of the image, where the engine is in one that tells
    image_made: Mapping[str, str] = field(default_factory=dict)  # digests of image, definition and base


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """Values of one quantity in one run, in order of time; `of` says of which part, such as a stage."""

    name: str
    values: tuple[float | None, ...]
    of: str = ""

    @property
    def unit(self) -> str:
        """As the name says."""
        return unit_of(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Energy:
    """The energy that one device used in one run or in all phases of one name, and how well it is known."""

    device: str  # gpu0 … as in the samples, or cpu
    method: str  # counter: the device's own; integral: power times time; "": neither told anything
    energy_j: float | None = field(metadata=NOT_NEGATIVE)  # None: `reason` says why
    refresh_s: float | None = field(metadata=NOT_NEGATIVE)  # between new values of the sensor, as observed
    coverage_pct: float = field(metadata=PERCENT)  # of the time, between neighbouring samples
    other_j: float | None = field(default=None, metadata=NOT_NEGATIVE)  # by the other method
    difference_pct: float | None = None  # of other_j from energy_j
    reason: str = ""  # why there is no figure, in words


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One repeat. All repeats are kept."""

    number: int = field(metadata=NOT_NEGATIVE)  # from 1
    started_unix_s: float = field(metadata=NOT_NEGATIVE)
    duration_s: float = field(metadata=NOT_NEGATIVE)
    probed: bool  # whether the sampler ran; without it there are no samples and no energy
    images: int = field(metadata=NOT_NEGATIVE)  # frames it worked on; 0 where that means nothing
    warm_up_steps: int = field(default=0, metadata=NOT_NEGATIVE)  # left out of the measurements by step
    measurements: tuple[Measurement, ...] = ()
    energy: tuple[Energy, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One column of samples.csv.gz in short, over all runs."""

    metric: str
    samples: int = field(metadata=NOT_NEGATIVE)
    missing: int = field(metadata=NOT_NEGATIVE)
    mean: float | None
    median: float | None
    p95: float | None
    low: float | None
    high: float | None
    change: float | None  # how much a counter grew, over all runs


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseSummary:
    """All phases of one name."""

    phase: str
    count: int = field(metadata=NOT_NEGATIVE)
    total_s: float = field(metadata=NOT_NEGATIVE)
    means: Mapping[str, float | None]  # metric -> mean of the samples taken during it
    peaks: Mapping[str, float | None] = field(default_factory=dict)  # metric -> highest of them
    energy: tuple[Energy, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What limited training.

    `word` is compute-bound, data-starved, checkpoint-bound, launch-bound, start-up-bound, throttled or cannot
    tell; `figures` are what it is based on.
    """

    word: str
    why: str
    figures: Mapping[str, float | None] = field(metadata={"additionalProperties": PERCENT})
    decided_by: str = ""  # one of the figures
    remedy: str = ""  # what to try


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How well the sampler kept its beat, and what it cost."""

    gpu_hz: float = field(metadata=NOT_NEGATIVE)
    host_hz: float = field(metadata=NOT_NEGATIVE)
    samples: int = field(metadata=NOT_NEGATIVE)
    missed_beats: int = field(metadata=NOT_NEGATIVE)
    beat_error_p95_s: float | None = field(metadata=NOT_NEGATIVE)
    cpu_pct: float | None = field(metadata=NOT_NEGATIVE)  # of one core
    gaps_s: tuple[float, ...] = field(metadata={"items": NOT_NEGATIVE})  # pauses of more than a second
    faults: tuple[str, ...]  # what it complained of, in words: sensors that vanished, clocks that jumped


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What else happened on the machine meanwhile; None where it could not be observed."""

    other_gpu_processes: int | None = field(metadata=NOT_NEGATIVE)  # most at once
    # Mean CPU time of other processes; 100: the whole machine.
    other_cpu_pct: float | None = field(metadata=PERCENT)
    throttle_reasons: tuple[str, ...]
    start_temperature_c: float | None  # hottest of our GPUs
    ecc_errors: int | None = field(metadata=NOT_NEGATIVE)  # new ones, uncorrected
    xid_events: int | None = field(metadata=NOT_NEGATIVE)
    used_gpus: tuple[str, ...] | None = None  # on which processes of ours were seen, gpu0 …
    # Largest difference between the wall clock and the monotonic one.
    clock_jump_s: float = field(metadata=NOT_NEGATIVE)
    # Throttle reason -> share of the time, on the GPU that had it longest; None where nothing tells reasons.
    throttled_pct: Mapping[str, float] | None = field(
        default=None, metadata={"additionalProperties": PERCENT}
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """`results/<platform>/<id>/record.json`. Never edited; `results/withdrawn.toml` can withdraw it."""

    id: str  # UTC time, case, four random hexadecimal digits
    bench: str  # the bench it belongs to; its records share this
    platform: str
    # chain, train, evaluate, inference, export, convert-data, micro, scaling, imported; formerly also sampler
    case: str
    status: str  # one of STATUSES
    reason: str = ""  # why it failed or ended early
    source: str = "measured"  # or what it was imported from
    started_utc: str
    finished_utc: str | None
    conditions: Mapping[str, Condition]  # settings, inputs and engine
    machine: Machine | None  # None where it was imported
    code: Code | None
    environment: Mapping[str, str]  # variables of an allow-list
    # What else decides speed: a value, ABSENT of `fact_table` in words, or None where it cannot be read.
    facts: Mapping[str, Condition] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    series: tuple[Series, ...] = ()
    phases: tuple[PhaseSummary, ...] = ()
    verdict: Verdict | None = None
    probe: Probe | None = None
    observed: Observed | None = None
    jobs: Cost | None = None  # of a run through a queue: its cost when the record was closed
    not_comparable: tuple[str, ...] = ()  # why it must not be compared with others; empty: clean
    contributed: str = ""  # the archive it came in, where it was sent in; as contributed.json beside it says
    schema_version: int = field(default=SCHEMA_VERSION)

    def values(self, name: str, *, of: str = "", probed: bool | None = None) -> tuple[float | None, ...]:
        """All values of one quantity, run after run; `probed` picks the runs with or without the sampler."""
        return tuple(
            value
            for run in self.runs
            if probed is None or run.probed == probed
            for measurement in run.measurements
            if (measurement.name, measurement.of) == (name, of)
            for value in measurement.values
        )


def used_gpus(record: Record) -> tuple[str, ...]:
    """GPUs that the workload used, gpu0 …: on which our processes were seen, else the first of as many."""
    seen = record.observed.used_gpus if record.observed else None
    return seen or tuple(f"gpu{number}" for number in range(int(record.conditions.get("gpus") or 0)))


def repeats(record: Record, name: str, *, of: str = "") -> list[float]:
    """One value a run, its median: steps and batches within a run are not independent repeats."""
    runs = (
        [value for value in measurement.values if value is not None and math.isfinite(value)]
        for run in record.runs
        for measurement in run.measurements
        if (measurement.name, measurement.of) == (name, of)
    )
    return [statistics.median(values) for values in runs if values]


def total_j(energies: Iterable[Energy], kind: str) -> float | None:
    """Joules of all devices of a kind, gpu or cpu; None where one of them is not known, or there is none."""
    known = [one.energy_j for one in energies if one.device.startswith(kind)]
    return sum(joules for joules in known if joules is not None) if known and None not in known else None
