"""What a metric is, and the fixed beat at which metrics are read."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from probe.samples import unit_of

Source = TypeVar("Source")


@dataclass(frozen=True, slots=True)
class Metric(Generic[Source]):
    """One row of the tables of metrics.

    The key's end is the unit. A key with `_total` only ever grows, and is summarised by its change; others
    by mean, median and 95th percentile. `every` is how many beats of its table pass between two looks.
    """

    key: str
    meaning: str  # for people
    source: str  # who says it, for people
    read: Callable[[Source], float | None]
    every: int = 1

    @property
    def unit(self) -> str:
        """As the key says; "" of a plain number."""
        return unit_of(self.key)


def beats(
    period_s: float, *, clock: Callable[[], float], wait: Callable[[float], bool]
) -> Iterator[tuple[int, float]]:
    """(number, how late in seconds) of each beat of a steady clock; missed beats are left out.

    Args:
        period_s: from beat to beat.
        clock: seconds, steady.
        wait: sleeps for so many seconds, and says whether to stop.
    """
    start_s, number = clock(), 0
    while not wait(max(start_s + number * period_s - clock(), 0.0)):
        yield number, clock() - start_s - number * period_s
        number = max(number + 1, math.ceil((clock() - start_s) / period_s))
