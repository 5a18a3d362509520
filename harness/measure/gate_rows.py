"""Rows of the gate: what loss of a quantity counts, and whether it is beyond chance.

A row is worse where its loss is beyond what chance makes in the family of all rows (Holm's procedure,
one-sided) and larger than a floor below which nobody minds. Where a doubling could hide in the spread, it
cannot be told.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.measure.compare import Comparison
from harness.measure.quantities import ENERGY, PEAK_MEMORY
from harness.measure.stats import POWER, Ratio, centre
from harness.verdict import Verdict

FALSE_ALARMS = 0.05  # of all rows together, at most, where nothing changed
MUST_SEE = math.log(2)  # where so large a log loss could hide, nothing is said


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """What a loss must exceed, in both, to count."""

    relative: float  # a share of the reference
    absolute: float  # in the unit of the quantity


FLOORS = {
    "train_images_per_s": Floor(relative=0.05, absolute=0.1),
    "images_per_s": Floor(relative=0.05, absolute=0.1),
    # Measured once a session: stages of less than a second differ by a seventh from one to the next.
    "stage_s": Floor(relative=0.05, absolute=2.0),
    "command_s": Floor(relative=0.05, absolute=0.5),
    "start_up_s": Floor(relative=0.05, absolute=0.5),
    PEAK_MEMORY: Floor(relative=0.05, absolute=64 * 2**20),
    ENERGY: Floor(relative=0.05, absolute=10.0),
    "mAP": Floor(relative=0.05, absolute=0.02),
}
NOT_JUDGED = {("chain", "stage_s", "download")}  # it depends on the network
COMMANDS = ("export", "convert-data")  # of the other cases the parts of a command are judged


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One quantity of one case, or a case as a whole."""

    name: str
    is_worse: Verdict = Verdict.CANNOT_TELL
    why: str = ""  # it cannot be told
    differs: bool = False  # for a condition is not as it is in the reference: measuring again does not help
    comparison: Comparison | None = None
    alpha: float | None = None  # one-sided, of this row alone; None: it was not judged by chance

    @property
    def visible(self) -> float | None:
        """The smallest loss that would have been seen in 80 % of cases, as a share of the reference.

        None where it was not judged by chance, or the reference is so small that no loss of it counts.
        """
        if self.alpha is None or self.comparison is None or self.comparison.ratio is None:
            return None
        floor = _floor(self.comparison)
        if math.isinf(floor):
            return None
        return self.comparison.share(self.comparison.ratio.visible(self.alpha, floor=floor))


def is_judged(case: str, quantity: str, of: str) -> bool:
    """Whether a quantity of a case has a row."""
    if quantity == "command_s":
        return case in COMMANDS
    return quantity in FLOORS and (case, quantity, of) not in NOT_JUDGED


def judge(comparisons: Sequence[Comparison]) -> list[Row]:
    """A row for each comparison of the family, in their order."""
    known = [(one, one.ratio) for one in comparisons if one.ratio and one.ratio.log_error is not None]
    alpha = FALSE_ALARMS / max(len(known), 1)
    beyond = _beyond_chance([ratio.chance(_log_loss(one, ratio)) for one, ratio in known])
    verdicts = {
        id(one): _verdict(one, ratio, is_beyond, alpha)
        for (one, ratio), is_beyond in zip(known, beyond, strict=True)
    }
    return [verdicts.get(id(one)) or _without_ratio(one) for one in comparisons]


def _beyond_chance(chances: Sequence[float]) -> list[bool]:
    """Holm's procedure: of the rows that chance makes in so many cases, those that it does not explain."""
    places, found = sorted(range(len(chances)), key=chances.__getitem__), [False] * len(chances)
    for rank, place in enumerate(places):
        if chances[place] > FALSE_ALARMS / (len(chances) - rank):
            break
        found[place] = True
    return found


def _verdict(compared: Comparison, ratio: Ratio, is_beyond_chance: bool, alpha: float) -> Row:
    floor = _floor(compared)
    row = Row(name=compared.name, is_worse=Verdict.NO, comparison=compared, alpha=alpha)
    if is_beyond_chance and _log_loss(compared, ratio) > floor:
        return replace(row, is_worse=Verdict.YES)
    if math.isfinite(floor) and ratio.power(alpha, max(MUST_SEE, floor)) < POWER:
        return replace(row, is_worse=Verdict.CANNOT_TELL, why="it spreads so much that a doubling could hide")
    return row


def _without_ratio(compared: Comparison) -> Row:
    if not any(map(any, (*compared.ours, *compared.theirs))):  # the mAP of a training of two epochs
        return Row(name=compared.name, is_worse=Verdict.NO, comparison=compared)
    why = "nothing tells its spread" if compared.ratio else "the reference is 0"
    return Row(name=compared.name, why=why, comparison=compared)


def _log_loss(compared: Comparison, ratio: Ratio) -> float:
    """Above 0: worse."""
    return -ratio.log_ratio if compared.more_is_better else ratio.log_ratio


def _floor(compared: Comparison) -> float:
    """The log loss to exceed: by the relative floor or the absolute one, whichever is larger."""
    floor = FLOORS[compared.quantity]
    share = max(floor.relative, floor.absolute / centre(compared.theirs))
    if not compared.more_is_better:
        return math.log1p(share)
    return -math.log1p(-share) if share < 1 else math.inf
