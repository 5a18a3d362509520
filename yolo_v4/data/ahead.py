"""Reading while computing."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(read: Callable[[Sequence[Item]], Result], items: Sequence[Item], size: int) -> Iterator[Result]:
    """What `read` makes of each `size` items, in order; the next ones are read in the background while one is used."""
    groups = [items[first : first + size] for first in range(0, len(items), size)]
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        waiting = [pool.submit(read, group) for group in groups[:1]]
        for group in groups[1:]:
            ready = waiting.pop().result()
            waiting.append(pool.submit(read, group))
            yield ready
        for last in waiting:
            yield last.result()
