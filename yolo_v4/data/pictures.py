"""Pictures as tensors: decoding within bounds, and a cache that keeps every decoded picture while memory allows."""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.picture_file import open_picture
from yolo_v4.errors import DataError

CACHE_SHARE = 0.25  # of the memory this process may use
CPU = torch.device("cpu")


def read_picture(path: Path, *, depth: int = 8) -> Tensor:
    """A picture's pixels: [3, H, W] uint8 r, g, b, stored channels last; for depth 16 [1, H, W] float32, 0..65535.

    Raises DataError: as `open_picture`, or the pixels are damaged.
    """
    try:
        with open_picture(path) as picture:
            if depth == 16:
                return torch.from_numpy(np.array(picture, dtype=np.float32))[None]
            pixels = np.array(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be decoded: {error}", remedy="replace or remove it") from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


class PictureCache:
    """Decoded pictures by number; those that fit into a share of the device's memory are decoded once."""

    def __init__(
        self, paths: list[Path], *, depth: int, device: torch.device = CPU, limit_bytes: int | None = None
    ) -> None:
        self.device = device
        self._paths, self._depth = paths, depth
        self._free_bytes = int(usable_memory_bytes(device) * CACHE_SHARE) if limit_bytes is None else limit_bytes
        self._kept: dict[int, Tensor] = {}

    def __getitem__(self, index: int) -> Tensor:
        """Picture `index` as `read_picture` gives it; not to be written to."""
        picture = self._kept.get(index)
        if picture is None:
            picture = read_picture(self._paths[index], depth=self._depth).to(self.device)
            if picture.nbytes <= self._free_bytes:
                self._free_bytes -= picture.nbytes
                self._kept[index] = picture
        return picture


def usable_memory_bytes(device: torch.device) -> int:
    """What a GPU has free; or the memory of this machine or, if less, of this process's control group."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        confined = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no control groups, or the word "max"
        return physical
    return min(physical, confined)
