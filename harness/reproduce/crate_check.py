"""Whether markers, ingredients and products of a run belong together."""

import os
from collections.abc import Iterator

from harness.reproduce.sameness import whole_digest
from harness.reproduce.source import Run


def broken_chain(run: Run) -> Iterator[str]:
    """Where a stage was not made from what lies there, in words."""
    for stage, marker in run.markers.items():
        for upstream, outcome in marker.consumed.items():
            if upstream not in run.markers:
                yield f"{stage} was made from what {upstream} made, which has no marker"
            elif run.markers[upstream].outcome != outcome:
                yield f"{stage} was made from other products of {upstream} than its marker names"


def changed(run: Run, *, may_lack: bool) -> Iterator[str]:
    """The products that are not as their markers say, contents and all, in words.

    Args:
        may_lack: a product may be missing whole.
    """
    assert run.folder is not None
    for product in (each for marker in run.markers.values() for each in marker.products):
        if not os.path.lexists(run.folder / product.path):
            if not may_lack:
                yield f"{product.path} is gone"
            continue
        digest = whole_digest(run.folder, product.path)
        if digest != product.digest.sha256:
            yield f"the contents of {product.path} changed" if digest else f"{product.path} leads elsewhere"
