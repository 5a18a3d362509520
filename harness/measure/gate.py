"""Whether the newest bench of a platform is worse than its reference: yes, no, or cannot tell.

What is missing on the new side or must not be compared cannot be told, and that never passes for "not worse".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.measure.band import MAP, Band
from harness.measure.comparability import differences
from harness.measure.compare import Comparison, against, compare_groups, matches, select_records
from harness.measure.fact_table import Role
from harness.measure.gate_rows import Row, is_judged, judge
from harness.measure.plan import set_of
from harness.measure.quantities import quantities
from harness.measure.record import Record
from harness.measure.stats import log_spread
from harness.settings.recipe import UNSAID
from harness.text import shortened
from harness.verdict import Verdict
from harness.workspace.marker import differences as differences_in_words

SQRT_2 = math.sqrt(2)
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
    band: Band | None = None,
) -> GateResult:
    """Compare the newest bench of a platform and recipe with a reference, by default the first bench.

    Args:
        records: all there are; scaling studies, other recipes and imported logs are passed over.
        platform: its name.
        recipe: its name.
        references: benches that the reference consists of; those of other recipes are passed over.
        declared_pct: the spread between sessions, where too few tell it.
        band: of the recipe's seeds, which tells how much accuracy differs by chance; None: nothing does.

    Raises:
        ConfigError: no bench is called like a reference.
    """
    newest, theirs = _sides(records, platform, recipe, references)
    if newest:
        rows, notes = _judged(newest, theirs, declared_pct, band)
    else:
        why = "none is newer than the reference" if theirs else "there is none of this platform and recipe"
        rows, notes = [Row(name="bench", why=why)], []
    if not rows:
        rows = [Row(name="bench", why="the reference measured nothing that is judged")]
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
    newest: Sequence[Record], theirs: Sequence[Record], declared_pct: float, band: Band | None
) -> tuple[list[Row], list[str]]:
    """All rows, those that cannot be judged at the end; and notes."""
    cases = [_Case.of(label, others, group, declared_pct) for label, group, others in matches(theirs, newest)]
    compared, of_band = _by_seeds([one for case in cases for one in case.comparisons], newest, band)
    rows = judge(compared)
    notes = [*of_band]
    notes += [
        f"{label}: the reference has none" for label, _, others in matches(newest, theirs) if not others
    ]
    notes += [note for case in cases for note in case.notes]
    new, old = (len({one.bench for one in side}) for side in (newest, theirs))
    notes += [
        f"{one.name}: known of {len(one.ours)} of {new} sessions, and of {len(one.theirs)} of {old}"
        for case in cases
        for one in case.comparisons
        if (len(one.ours), len(one.theirs)) != (new, old)
    ]
    return rows + [row for case in cases for row in case.rows], notes


def _by_seeds(
    compared: Sequence[Comparison], newest: Sequence[Record], band: Band | None
) -> tuple[list[Comparison], list[str]]:
    """The same, accuracy with the spread of seeds where the band is of these conditions; and a note on that.

    Reference and new bench have one seed, which after any change of the code is as good as another one: their
    difference has the variance of two seeds. The declared spread between sessions is one of times.
    """
    chain = next((one for one in newest if one.case == "chain"), None)
    of_seeds = band.quantities.get(MAP) if band else None
    if band is None or of_seeds is None or chain is None or MAP not in {one.quantity for one in compared}:
        return [*compared], []
    if unlike := _unlike(band, chain):
        words = f"the band of {band.n} seeds does not apply: {shortened(unlike)}"
        return [*compared], [f"chain {MAP}: {words}"]
    spread = log_spread([value for value in of_seeds.values if value is not None])
    if not spread:
        return [*compared], [f"chain {MAP}: the band of {band.n} seeds tells no spread"]
    return [
        replace(
            one, ratio=replace(one.ratio, log_error=spread * SQRT_2, df=of_seeds.n - 1, is_declared=False)
        )
        if one.quantity == MAP and one.ratio
        else one
        for one in compared
    ], [f"chain {MAP}: chance is what the band of {band.n} seeds says it is"]


def _unlike(band: Band, chain: Record) -> list[str]:
    """What of the conditions that decide accuracy is not known to be as in the band, in words."""
    formats = {"number_format": chain.facts.get("number_format")}
    there = {**UNSAID, **band.conditions, "number_format": band.settings.get("train number format")}
    here = {**{name: chain.conditions.get(name, UNSAID.get(name)) for name in there}, **formats}
    if here["number_format"] and there["number_format"]:  # then what was asked for does not count
        for side in (here, there):
            side.pop("mixed_precision", None)
    return differences_in_words(there, here) or (
        [] if all(formats.values()) else ["number_format is not known"]
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """One case of the reference: what can be judged of it, and rows of what cannot."""

    comparisons: tuple[Comparison, ...] = ()
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, label: str, ours: Sequence[Record], theirs: Sequence[Record], declared_pct: float) -> "_Case":
        """Sessions that were disturbed are left out as long as others are there.

        New ones that did not end well are no disturbance: what broke them may be what is looked for.
        """
        if not ours:
            return cls(rows=(Row(name=label, why="the new bench has none"),))
        disturbances = [f"{one.id}: {line}" for one in (*ours, *theirs) for line in against(one)]
        sides = [[one for one in side if not against(one)] for side in (ours, theirs)]
        broken = [f"{one.id}: {line}" for one in ours if one.status != "ok" for line in against(one)]
        hindrances = broken if all(sides) else [*disturbances]
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
