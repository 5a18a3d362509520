"""Levels of sameness, the best first; "cannot tell" stands beside them and never passes for one."""

from collections.abc import Iterable
from enum import Enum

from harness.verdict import Verdict


class Level(Enum):
    """How much of a product is the same; the value is the word that people read."""

    BYTES = "same bytes"
    CONTENT = "same content"  # by the kind of file: values, tensors, pixels
    OUTPUTS = "same outputs"  # both networks say the same of the test frames, within a tolerance
    QUALITY = "same quality"  # scores and loss lie in the band of seeds
    DIFFERENT = "different"
    UNKNOWN = "cannot tell"

    @property
    def verdict(self) -> Verdict:
        """Whether a product of this level was reproduced."""
        unreached = {Level.DIFFERENT: Verdict.NO, Level.UNKNOWN: Verdict.CANNOT_TELL}
        return unreached.get(self, Verdict.YES)


def overall(levels: Iterable[Level]) -> Level:
    """The level of a whole: different where a part is, else unknown where a part is, else the lowest."""
    every = [*levels]
    for decisive in (Level.DIFFERENT, Level.UNKNOWN):
        if decisive in every or (decisive is Level.UNKNOWN and not every):
            return decisive
    return max(every, key=[*Level].index)
