"""Everything that the page and its text tell, as frozen values. Nothing here is drawn, and nothing read."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.measure.cost import Cost
from harness.measure.time_parts import Spent
from harness.measure.waterfall import Waterfall
from harness.report.overview.accuracy import Accuracy
from harness.report.overview.found import Told
from harness.report.overview.learning import Learning
from harness.report.overview.machine import MachineAtWork
from harness.report.overview.pictures import Picture
from harness.report.overview.record_rows import History, RecordRow, Standing
from harness.stages.tries import Try
from harness.verdict import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class StageFacts:
    """One stage, as its marker stands; "" and None where it has none."""

    stage: str
    finished_utc: str
    took_s: float | None

    @property
    def is_done(self) -> bool:
        """Whether a marker says so; whether it is still right only `jamcam status` can tell."""
        return bool(self.finished_utc)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingFact:
    """A setting as a stage was run with it."""

    name: str
    value: str
    origin: str  # "" where that was not recorded


@dataclass(frozen=True, kw_only=True, slots=True)
class BandFacts:
    """What other seeds of the same recipe gave, and whether this run is like them."""

    seeds: int
    is_inside: Verdict
    why: str
    bounds: Mapping[str, tuple[float, float]]  # quantity -> where one more seed would lie

    @property
    def words(self) -> str:
        """In a line."""
        return f"in the band of {self.seeds} seeds: {self.is_inside.value}: {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """One workspace."""

    name: str
    folder: str  # as a link on the page leads to it
    stages: tuple[StageFacts, ...]
    tries: tuple[Try, ...]
    settings: tuple[SettingFact, ...]
    computed_by: str  # engine, version and numerics; "" where not recorded
    aside: str  # what lies aside, in words
    learning: Learning | None
    scores: Told | None  # of the test frames
    notes: tuple[str, ...]  # what of scores and detections is left out, and why
    accuracy: Accuracy | None
    pictures: tuple[Picture, ...]  # of accuracy.worst, in their order
    band: BandFacts | None
    spent: Spent | None
    cost: Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """Two sides, and why the second is slower, or not."""

    a: str
    b: str
    of: str  # the case of records, or runs
    waterfall: Waterfall
    obstacles: tuple[str, ...]  # why they must not be compared
    is_slower: Verdict  # whether B is slower than A
    why: str  # a sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class CostFacts:
    """The cost of one workspace, one platform or all of it."""

    title: str
    cost: Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """All that is shown."""

    runs: tuple[RunFacts, ...]
    compared: tuple[Compared, ...]
    machine: MachineAtWork | None
    records: tuple[RecordRow, ...]
    records_folder: str  # as a link on the page leads to it
    standings: tuple[Standing, ...]
    histories: tuple[History, ...]
    costs: tuple[CostFacts, ...]
    power_w: float | None  # as it was declared
    gco2e_per_kwh: float | None  # as it was given
    notes: tuple[str, ...]  # what was passed over, and why
    version: str  # of the harness
