"""Work on pictures where each has a thread of its own, told by batches to those who follow or measure it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from yolo_v4.data.batches import ahead

Item = TypeVar("Item")
Result = TypeVar("Result")
Batches = Iterator[Sequence[Item]]


def by_picture(
    work: Callable[[Item], Result],
    batches: Sequence[Sequence[Item]],
    *,
    workers: int,
    steps: Callable[[Sequence[Sequence[Item]]], Batches[Item]] = iter,
) -> Iterator[list[Result]]:
    """The results of `work` for each picture of the batches, of which there is at least one; in order.

    The first batch is done before others begin: measurements leave it out as warm-up, and would leave out
    what was done of others meanwhile. `steps` wraps the iterator of the batches, for example to time them.
    """
    first, *others = batches
    parts = (first, chain.from_iterable(others))
    results = chain.from_iterable(ahead(work, part, workers=workers) for part in parts)
    for batch in steps(batches):
        yield list(islice(results, len(batch)))
