"""Watches which operations a program begins, as PyTorch's dispatcher sees them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# These make the program wait for a device, or give tensors whose shapes depend on values.
READS = frozenset(
    {
        "_local_scalar_dense", "_unique2", "bincount", "equal", "is_nonzero", "item", "masked_select",
        "nonzero", "nonzero_numpy", "repeat_interleave", "unique_consecutive", "unique_dim",
    }
)  # fmt: skip
ALLOCATIONS = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})


class Operations(TorchDispatchMode):
    """Notes each operation under the phase that began it, but for views and allocations, which do no work."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = "rest"
        self.counts: Counter[str] = Counter()
        self.reads: list[str] = []
        self.shapes: list[tuple[str, tuple[tuple[int, ...], ...]]] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        is_view = any(
            value.alias_info is not None and not value.alias_info.is_write for value in func._schema.returns
        )
        if not is_view and name not in ALLOCATIONS:
            self.counts[self.phase] += 1
        has_mask = name in {"index", "index_put", "index_put_"} and any(
            isinstance(part, Tensor) and part.dtype in {torch.bool, torch.uint8}
            for part in tree_leaves(args[1])
        )
        if name in READS or has_mask:
            self.reads.append(f"{name} in {self.phase}")
        found = tuple(tuple(part.shape) for part in tree_leaves(result) if isinstance(part, Tensor))
        self.shapes.append((name, found))
        return result
