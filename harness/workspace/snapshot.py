"""A workspace as one command sees it: each file is read once, and each product measured once."""

import functools
from collections.abc import Callable
from typing import Any

from harness.files import digest_path, size_path
from harness.workspace.layout import Workspace
from harness.workspace.marker import Marker, Product, read_ingredients, read_marker
from harness.workspace.spec_copies import SpecCopies


class Snapshot:
    """What was in `workspace` when it was first asked for. To see what changed since, take a new one."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.specs = SpecCopies(workspace)
        self.marker: Callable[[str], Marker | None] = functools.cache(
            functools.partial(read_marker, workspace)
        )
        self.ingredients: Callable[[str], dict[str, Any]] = functools.partial(read_ingredients, workspace)

    def product_changes(self, marker: Marker, *, deep: bool) -> list[str]:
        """How the products that a marker names differ from what they were, in words; empty where they do not.

        Args:
            deep: compare their contents, not only their sizes.
        """
        changes = (self._product_change(product, deep=deep) for product in marker.products)
        return [change for change in changes if change]

    def _product_change(self, product: Product, *, deep: bool) -> str:
        promised, path = product.digest, self.workspace.path(product.path)
        size = size_path(path)
        if size is None:
            return f"{product.path} is gone"
        if size != (promised.bytes, promised.files):
            return f"{product.path} had {_size(promised.bytes, promised.files)}, has now {_size(*size)}"
        if deep and digest_path(path) != promised:
            return f"the contents of {product.path} changed"
        return ""


def _size(total_bytes: int, files: int) -> str:
    return f"{total_bytes} bytes in {files} file{'s' * (files != 1)}"
