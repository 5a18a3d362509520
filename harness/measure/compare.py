"""Two sets of records: selecting them, what forbids comparing them, and ratios of what both measured.

A set may hold several benches, which are sessions: the same work at different times.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.clock import unix_s
from harness.errors import ConfigError
from harness.measure.comparability import Difference, differences, doubts, reasons
from harness.measure.fact_table import Role
from harness.measure.plan import SESSION_GAP_S, set_of
from harness.measure.quantities import Values, quantities, values
from harness.measure.record import Record
from harness.measure.stats import Ratio, ratio
from harness.own_files import command
from harness.settings.table import nearest
from harness.units import unit_of

MORE_IS_BETTER = ("_images_per_s", "_images_per_j", "mAP", "_share_pct", "_efficiency_pct")
VARIED = ("batch", "scaling", "gpus", "nodes")  # conditions by which a bench may measure a case several times


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One quantity on both sides."""

    case: str  # and the batch size, where a case is measured with several
    quantity: str
    of: str  # a part, such as a stage; else ""
    ours: Values
    theirs: Values
    ratio: Ratio | None  # ours over theirs; None: nothing to divide by

    @property
    def name(self) -> str:
        """Case, quantity and what it is of."""
        return f"{self.case} {self.quantity}{f' of {self.of}' if self.of else ''}"

    @property
    def unit(self) -> str:
        """As the name of the quantity says."""
        return unit_of(self.quantity)

    @property
    def more_is_better(self) -> bool:
        """Of throughput and accuracy; of time, memory and energy less is."""
        return f"_{self.quantity}".endswith(MORE_IS_BETTER)

    def share(self, log_loss: float) -> float:
        """A log loss as a share of the reference: of throughput what is gone, of time what is added."""
        return -math.expm1(-log_loss) if self.more_is_better else math.expm1(log_loss)


def select_records(records: Sequence[Record], names: str) -> list[Record]:
    """The records of platforms (their newest bench), benches or records, whose names are separated by commas.

    Raises:
        ConfigError: nothing has one of the names.
    """
    selected = []
    for name in (part.strip().strip("/").removeprefix("results/") for part in names.split(",")):
        of_platform = [one for one in records if one.platform == name]
        newest = max(((one.source == "measured", set_of(one.bench)) for one in of_platform), default=None)
        named = [one for one in of_platform if (one.source == "measured", set_of(one.bench)) == newest]
        named = named or [one for one in records if name in _names(one)]
        if not named:
            known = {known for record in records for known in (record.platform, record.bench, record.id)}
            remedy = f"take {nearest(name, known)}" if known else f"{command('bench')} comes first"
            raise ConfigError(f"no platform, bench or record is called '{name}'", remedy=remedy)
        selected += named
    return selected


def _names(record: Record) -> tuple[str, ...]:
    return (record.bench, set_of(record.bench), record.id, f"{record.platform}/{record.id}")


def matches(
    ours: Sequence[Record], theirs: Sequence[Record]
) -> Iterator[tuple[str, list[Record], list[Record]]]:
    """The records of each case of `ours`, and those of the same case of `theirs`, maybe none.

    Where a bench measured a case several times, those with equal conditions belong together. The records of a
    side are of one platform, and of as many sessions.
    """
    varied = _varied(ours) | _varied(theirs)
    sides = [_grouped(records, varied) for records in (ours, theirs)]
    for (platform, key), group in sides[0].items():
        same = [(one, other) for (one, its_key), other in sides[1].items() if its_key == key]
        label = " by ".join(map(str, (key[0], *(value for value in key[1:] if value is not None))))
        for _, others in sorted(same, key=lambda each: each[0] != platform) or [("", [])]:
            yield label, group, others


def _varied(records: Sequence[Record]) -> set[tuple[str, str]]:
    """(case, condition) where a bench has records of the case that differ in that condition."""
    seen: dict[tuple[str, str, str], set[object]] = {}
    for record in records:
        for name in VARIED:
            place = (record.bench, record.case, name)
            seen.setdefault(place, set()).add(record.conditions.get(name))
    return {(case, name) for (_, case, name), values in seen.items() if len(values) > 1}


def _grouped(
    records: Sequence[Record], varied: set[tuple[str, str]]
) -> dict[tuple[str, tuple[object, ...]], list[Record]]:
    groups: dict[tuple[str, tuple[object, ...]], list[Record]] = {}
    for record in records:
        names = [name for name in VARIED if (record.case, name) in varied]
        key = (record.case, *(record.conditions.get(name) for name in names))
        groups.setdefault((record.platform, key), []).append(record)
    return groups


def obstacles(ours: Sequence[Record], theirs: Sequence[Record]) -> list[str]:
    """Why the two must not be compared, a line each."""
    lines = [f"{one.platform}/{one.id}: {reason}" for one in (*ours, *theirs) for reason in against(one)]
    for _, group, others in matches(ours, theirs):
        unlike = _differences([*group, *others])
        lines += [f"{group[0].case}: {one.words}" for one in unlike if one.fact.compare is Role.CONDITION]
    return list(dict.fromkeys(lines))


def questions(ours: Sequence[Record], theirs: Sequence[Record]) -> list[str]:
    """What the two are compared for: facts that may differ, and do."""
    every = [one for _, group, others in matches(ours, theirs) for one in _differences([*group, *others])]
    return list(dict.fromkeys(one.words for one in every if one.fact.compare is Role.QUESTION))


def against(record: Record) -> tuple[str, ...]:
    """What is known to have disturbed a record, and what nobody saw of it.

    Single operations (micro) are timed without the sampler on purpose, and `gate` does not judge them.
    """
    return reasons(record) if record.case == "micro" else (*reasons(record), *doubts(record))


def _differences(records: Sequence[Record]) -> list[Difference]:
    return [one for other in records[1:] for one in differences(records[0], other)]


def compare(ours: Sequence[Record], theirs: Sequence[Record], *, declared_pct: float) -> list[Comparison]:
    """Every quantity that both sides measured; a run counts once, however often it measured.

    Args:
        ours: records of one or several sessions.
        theirs: those that they are divided by.
        declared_pct: the spread between sessions, where too few tell it.
    """
    return [
        comparison
        for label, group, others in matches(ours, theirs)
        if others
        for comparison in compare_groups(label, group, others, declared_pct=declared_pct)
    ]


def compare_groups(
    label: str, group: Sequence[Record], others: Sequence[Record], *, declared_pct: float
) -> Iterator[Comparison]:
    """The same of one case, whose name for people is `label`."""
    benches = {record.bench for record in (*group, *others)}
    for name, of in quantities(group):
        ours, theirs = (values(side, name, of) for side in (group, others))
        if not ours or not theirs:
            continue
        of_both = ratio(
            ours,
            theirs,
            declared_pct=declared_pct if len(benches) > 1 else 0.0,  # one session does not differ from itself
            apart=are_apart(group) and are_apart(others),
        )
        yield Comparison(case=label, quantity=name, of=of, ours=ours, theirs=theirs, ratio=of_both)


def are_apart(records: Sequence[Record]) -> bool:
    """Whether sessions are known to lie so far apart that their spread is that of other times of the day."""
    try:
        spans_s = sorted(
            (unix_s(one.started_utc), unix_s(one.finished_utc or one.started_utc)) for one in records
        )
    except ValueError:  # a moment that somebody wrote by hand
        return False
    return all(later[0] - one[1] >= SESSION_GAP_S for one, later in pairwise(spans_s))
