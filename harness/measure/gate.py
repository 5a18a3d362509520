"""Whether the newest bench of a platform is worse than its reference: yes, no, or cannot tell.

What is missing on the new side or must not be compared cannot be told, and that never passes for "not worse".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.measure.comparability import differences
from harness.measure.compare import Comparison, against, compare_groups, matches, select_records
from harness.measure.fact_table import Role
from harness.measure.gate_rows import Row, is_judged, judge
from harness.measure.plan import set_of
from harness.measure.quantities import quantities
from harness.measure.record import Record
from harness.verdict import Verdict

CASES = ("chain", "train", "evaluate", "inference", "export", "convert-data")


@dataclass(frozen=True, kw_only=True, slots=True)
class GateResult:
    """The newest bench over its reference."""

    platform: str
    recipe: str
    sessions: tuple[str, ...]  # benches of the new side
    reference: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]  # what changed, and which sessions were left out; in words

    @property
    def is_worse(self) -> Verdict:
        """Yes where a row is; else cannot tell where a row cannot."""
        verdicts = {row.is_worse for row in self.rows}
        return next((one for one in (Verdict.YES, Verdict.CANNOT_TELL) if one in verdicts), Verdict.NO)


def judge_newest(
    records: Sequence[Record],
    platform: str,
    recipe: str,
    *,
    references: Sequence[str] = (),
    declared_pct: float,
) -> GateResult:
    """Compare the newest bench of a platform and recipe with a reference, by default the first bench.

    Args:
        records: all there are; scaling studies, other recipes and imported logs are passed over.
        platform: its name.
        recipe: its name.
        references: benches that the reference consists of; those of other recipes are passed over.
        declared_pct: the spread between sessions, where too few tell it.

    Raises:
        ConfigError: no bench is called like a reference.
    """
    newest, theirs = _sides(records, platform, recipe, references)
    if newest:
        rows, notes = _judged(newest, theirs, declared_pct)
    else:
        rows, notes = [Row(name="bench", why="none is newer than the reference")], []
    return GateResult(
        platform=platform,
        recipe=recipe,
        sessions=tuple(sorted({one.bench for one in newest})),
        reference=tuple(sorted({one.bench for one in theirs})),
        rows=tuple(rows),
        notes=tuple(dict.fromkeys(notes)),
    )


def _sides(
    records: Sequence[Record], platform: str, recipe: str, references: Sequence[str]
) -> tuple[list[Record], list[Record]]:
    """Records of the newest bench, none where it belongs to the reference; and those of the reference."""
    of_platform = [one for one in records if (one.platform, one.source) == (platform, "measured")]
    named = {one.bench for name in references for one in select_records(of_platform, name)}
    measured = [one for one in of_platform if one.case in CASES and one.conditions.get("recipe") == recipe]
    sets = sorted({set_of(one.bench) for one in measured})
    theirs = [one for one in measured if one.bench in named]
    theirs = theirs or [one for one in measured if set_of(one.bench) == sets[0]]
    return [one for one in measured if set_of(one.bench) == sets[-1] and one not in theirs], theirs


def _judged(
    newest: Sequence[Record], theirs: Sequence[Record], declared_pct: float
) -> tuple[list[Row], list[str]]:
    """All rows, those that cannot be judged at the end; and notes."""
    cases = [_Case.of(label, others, group, declared_pct) for label, group, others in matches(theirs, newest)]
    rows = judge([one for case in cases for one in case.comparisons])
    notes = [f"{label}: the reference has none" for label, _, others in matches(newest, theirs) if not others]
    notes += [note for case in cases for note in case.notes]
    new, old = (len({one.bench for one in side}) for side in (newest, theirs))
    notes += [
        f"{one.name}: known of {len(one.ours)} of {new} sessions, and of {len(one.theirs)} of {old}"
        for case in cases
        for one in case.comparisons
        if (len(one.ours), len(one.theirs)) != (new, old)
    ]
    return rows + [row for case in cases for row in case.rows], notes


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """One case of the reference: what can be judged of it, and rows of what cannot."""

    comparisons: tuple[Comparison, ...] = ()
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, label: str, ours: Sequence[Record], theirs: Sequence[Record], declared_pct: float) -> "_Case":
        """Sessions that were disturbed are left out as long as others are there."""
        if not ours:
            return cls(rows=(Row(name=label, why="the new bench has none"),))
        disturbances = [f"{one.id}: {line}" for one in (*ours, *theirs) for line in against(one)]
        sides = [[one for one in side if not against(one)] for side in (ours, theirs)]
        hindrances = [] if all(sides) else [*disturbances]
        first, *others = (*(sides[0] or ours), *(sides[1] or theirs))
        unlike = [one for other in others for one in differences(first, other)]
        differing = dict.fromkeys(one.words for one in unlike if one.fact.gate is Role.CONDITION)
        hindrances += differing
        changed = [one.words for one in unlike if one.fact.gate is Role.QUESTION]
        found = compare_groups(label, sides[0] or ours, sides[1] or theirs, declared_pct=declared_pct)
        judged = [one for one in found if is_judged(theirs[0].case, one.quantity, one.of)]
        measured = {(one.quantity, one.of) for one in judged}
        why = "; ".join(hindrances)
        missing = [
            Row(
                name=f"{label} {name}{f' of {of}' if of else ''}",
                why=why or "the new bench has not measured it",
                differs=bool(differing),
            )
            for name, of in quantities(sides[1] or theirs)
            if is_judged(theirs[0].case, name, of) and (name, of) not in measured
        ]
        if hindrances:
            differs = bool(differing)
            rows = [Row(name=one.name, why=why, comparison=one, differs=differs) for one in judged]
            return cls(rows=(*rows, *missing))
        return cls(comparisons=tuple(judged), rows=tuple(missing), notes=(*disturbances, *changed))
