"""Two sets of records against each other: what differs in their conditions, and how their measurements compare."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.measure.comparability import differences, reasons
from harness.measure.record import Record, repeats
from harness.measure.stats import FEWEST, Ratio, Summary, ratio, summarise
from harness.settings.table import nearest
from harness.text import number
from harness.units import unit_of

WORSE_PCT = 5.0
MORE_IS_BETTER = ("_images_per_s", "_images_per_j", "mAP")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One quantity on both sides."""

    name: str  # case, quantity and what it is of
    unit: str
    ours: Summary
    theirs: Summary
    ratio: Ratio | None
    more_is_better: bool

    @property
    def is_worse(self) -> bool:
        """Worse by more than WORSE_PCT, and not by chance alone."""
        if self.ratio is None or not self.ratio.is_change:
            return False
        lost = 1 - self.ratio.ratio if self.more_is_better else self.ratio.ratio - 1
        return 100 * lost > WORSE_PCT

    @property
    def words(self) -> str:
        """For the table."""
        if self.ratio is None:
            return f"{self.name}: nothing to divide by"
        low, high = self.ratio.low, self.ratio.high
        sure = f"95 %: {low:.3f} to {high:.3f}" if low and high else f"below {FEWEST} repeats: too few to say"
        both = f"{number(self.ours.median)} against {number(self.theirs.median)} {self.unit}".rstrip()
        repeated = f"n {self.ours.n} and {self.theirs.n}"
        return f"{self.name}: {self.ratio.ratio:.3f} ({sure}); {both}, {repeated}"


def choose(records: Sequence[Record], words: str) -> list[Record]:
    """The records that `words` mean: platforms (their newest bench), benches or records, separated by commas.

    Raises:
        ConfigError: there is none of that name.
    """
    found = []
    for word in (part.strip().strip("/").removeprefix("results/") for part in words.split(",")):
        ours = [one for one in records if one.platform == word]
        last = max(((one.source == "measured", one.bench) for one in ours), default=None)
        named = [one for one in ours if (one.source == "measured", one.bench) == last]
        named = named or [one for one in records if word in (one.bench, one.id, f"{one.platform}/{one.id}")]
        if not named:
            known = {name for record in records for name in (record.platform, record.bench, record.id)}
            remedy = f"take {nearest(word, known)}" if known else "make bench comes first"
            raise ConfigError(f"no platform, bench or record is called '{word}'", remedy=remedy)
        found += named
    return found


def pairs(ours: Sequence[Record], theirs: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Records of the same case; of the same batch size, too, where a case was measured with several."""
    for one in ours:
        same = [other for other in theirs if other.case == one.case]
        alike = [other for other in same if other.conditions.get("batch") == one.conditions.get("batch")]
        many = len(same) > 1 or sum(other.case == one.case for other in ours) > 1
        yield from ((one, other) for other in (alike if many else same))


def obstacles(ours: Sequence[Record], theirs: Sequence[Record]) -> list[str]:
    """Why the two must not be compared, a line each."""
    found = [f"{one.platform}/{one.id}: {why}" for one in (*ours, *theirs) for why in reasons(one)]
    for one, other in pairs(ours, theirs):
        found += [f"{one.case}: {name} is {mine}, there {yours}" for name, mine, yours in differences(one, other)]
    return list(dict.fromkeys(found))


def rows(ours: Sequence[Record], theirs: Sequence[Record]) -> list[Row]:
    """Every quantity that both sides measured, ours over theirs; a run counts once, however often it measured."""
    return [row for one, other in pairs(ours, theirs) for row in _rows(one, other)]


def _rows(one: Record, other: Record) -> Iterable[Row]:
    for name, of in dict.fromkeys((found.name, found.of) for run in one.runs for found in run.measurements):
        mine, yours = repeats(one, name, of=of), repeats(other, name, of=of)
        ours, theirs = summarise(mine), summarise(yours)
        if ours is not None and theirs is not None and not name.startswith("epoch_"):
            batch = f" by {one.conditions['batch']}" if one.case in ("evaluate", "inference") else ""
            yield Row(
                name=f"{one.case}{batch} {name}{f' of {of}' if of else ''}",
                unit=unit_of(name),
                ours=ours,
                theirs=theirs,
                ratio=ratio(mine, yours),
                more_is_better=f"_{name}".endswith(MORE_IS_BETTER),
            )
