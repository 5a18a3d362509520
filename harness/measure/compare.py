"""Two sets of records: selecting them, what forbids comparing them, and ratios of what both measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.measure.comparability import differences, doubts, reasons
from harness.measure.fact_table import Role
from harness.measure.record import Record, repeats
from harness.measure.stats import Ratio, Summary, ratio, summarise
from harness.settings.table import nearest
from harness.units import unit_of

WORSE_PCT = 5.0
MORE_IS_BETTER = ("_images_per_s", "_images_per_j", "mAP")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One quantity on both sides."""

    name: str  # case, quantity and what it is of
    unit: str
    ours: Summary
    theirs: Summary
    ratio: Ratio | None  # ours over theirs
    more_is_better: bool

    @property
    def is_worse(self) -> bool:
        """Worse by more than WORSE_PCT, and not by chance alone."""
        if self.ratio is None or not self.ratio.is_change:
            return False
        loss = 1 - self.ratio.ratio if self.more_is_better else self.ratio.ratio - 1
        return 100 * loss > WORSE_PCT


def select_records(records: Sequence[Record], names: str) -> list[Record]:
    """The records of platforms (their newest bench), benches or records, whose names are separated by commas.

    Raises:
        ConfigError: nothing has one of the names.
    """
    selected = []
    for name in (part.strip().strip("/").removeprefix("results/") for part in names.split(",")):
        of_platform = [one for one in records if one.platform == name]
        newest = max(((one.source == "measured", one.bench) for one in of_platform), default=None)
        named = [one for one in of_platform if (one.source == "measured", one.bench) == newest]
        named = named or [one for one in records if name in (one.bench, one.id, f"{one.platform}/{one.id}")]
        if not named:
            known = {known for record in records for known in (record.platform, record.bench, record.id)}
            remedy = f"take {nearest(name, known)}" if known else "make bench comes first"
            raise ConfigError(f"no platform, bench or record is called '{name}'", remedy=remedy)
        selected += named
    return selected


def pairs(ours: Sequence[Record], theirs: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Records of the same case; of the same batch size, too, where a case was measured with several."""
    for one in ours:
        same = [other for other in theirs if other.case == one.case]
        alike = [other for other in same if other.conditions.get("batch") == one.conditions.get("batch")]
        several = len(same) > 1 or sum(other.case == one.case for other in ours) > 1
        yield from ((one, other) for other in (alike if several else same))


def obstacles(ours: Sequence[Record], theirs: Sequence[Record]) -> list[str]:
    """Why the two must not be compared, a line each."""
    lines = [f"{one.platform}/{one.id}: {reason}" for one in (*ours, *theirs) for reason in _against(one)]
    for one, other in pairs(ours, theirs):
        for difference in differences(one, other):
            if difference.fact.compare is Role.CONDITION:
                lines.append(f"{one.case}: {difference.words}")
    return list(dict.fromkeys(lines))


def _against(record: Record) -> tuple[str, ...]:
    return (*reasons(record), *doubts(record))


def compare(ours: Sequence[Record], theirs: Sequence[Record]) -> list[Comparison]:
    """Every quantity that both sides measured; a run counts once, however often it measured."""
    return [comparison for one, other in pairs(ours, theirs) for comparison in _compare_pair(one, other)]


def _compare_pair(one: Record, other: Record) -> Iterator[Comparison]:
    batch = f" by {one.conditions['batch']}" if one.case in ("evaluate", "inference") else ""
    for name, of in dict.fromkeys((each.name, each.of) for run in one.runs for each in run.measurements):
        here, there = repeats(one, name, of=of), repeats(other, name, of=of)
        ours, theirs = summarise(here), summarise(there)
        if ours is not None and theirs is not None and not name.startswith("epoch_"):
            yield Comparison(
                name=f"{one.case}{batch} {name}{f' of {of}' if of else ''}",
                unit=unit_of(name),
                ours=ours,
                theirs=theirs,
                ratio=ratio(here, there),
                more_is_better=f"_{name}".endswith(MORE_IS_BETTER),
            )
