"""Many small tensors brought to a device as one."""

from collections.abc import Sequence

import torch
from torch import Tensor

ALIGNMENT_BYTES = 16  # of each tensor, at least the size of its largest elements


def to_device(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Tensors of the CPU, on a device: views of one buffer.

    A GPU gets them in one copy from pinned memory, which nobody waits for.
    """
    if not tensors:
        return []
    ends = []
    end = 0
    for tensor in tensors:
        end += -end % ALIGNMENT_BYTES + tensor.nbytes
        ends.append(end)
    buffer = torch.empty(end, dtype=torch.uint8, pin_memory=device.type == "cuda")
    for part, tensor in zip(_parts(buffer, tensors, ends), tensors, strict=True):
        part.copy_(tensor)
    return _parts(buffer.to(device, non_blocking=True), tensors, ends)


def _parts(buffer: Tensor, like: Sequence[Tensor], ends: Sequence[int]) -> list[Tensor]:
    return [
        buffer[end - tensor.nbytes : end].view(tensor.dtype).view(tensor.shape)
        for tensor, end in zip(like, ends, strict=True)
    ]
