"""Pictures as tensors: decoding within bounds, and a cache that keeps every decoded picture while memory allows."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.picture_file import decoded_picture

CACHE_SHARE = 0.25  # of the memory this process may use
CPU = torch.device("cpu")


def read_picture(path: Path) -> Tensor:
    """A picture's pixels, [3, H, W] uint8 r, g, b, stored channels last. Raises DataError: as `decoded_picture`."""
    return torch.from_numpy(np.array(decoded_picture(path).convert("RGB"))).permute(2, 0, 1)


class PictureCache:
    """Decoded pictures by number; those that fit into a share of the device's memory are decoded once."""

    def __init__(
        self, paths: list[Path], *, device: torch.device = CPU, limit_bytes: int | None = None
    ) -> None:
        self.device, self._paths = device, paths
        self._free_bytes = (
            int(usable_memory_bytes(device) * CACHE_SHARE) if limit_bytes is None else limit_bytes
        )
        self._kept: dict[int, Tensor] = {}

    def __getitem__(self, index: int) -> Tensor:
        """Picture `index` as `read_picture` gives it; not to be written to."""
        picture = self._kept.get(index)
        if picture is None:
            picture = read_picture(self._paths[index]).to(self.device)
            if picture.nbytes <= self._free_bytes:
                self._free_bytes -= picture.nbytes
                self._kept[index] = picture
        return picture


def usable_memory_bytes(device: torch.device, root: Path = Path("/sys/fs/cgroup")) -> int:
    """What a GPU has free; or this process's share of the machine's memory or, if less, of its control group's."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    own = Path("/proc/self/cgroup")  # a job's group, and those above it, limit it too
    group = root / (own.read_text() if own.exists() else "").rpartition("0::/")[2].strip()
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):  # no such group, or the word "max"
            limits.append(int((folder / "memory.max").read_text()))
    return min(limits) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
