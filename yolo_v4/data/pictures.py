"""Pictures as tensors, and a cache that keeps decoded pictures as long as there is memory for them."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from yolo_v4.data.picture_file import decoded_picture

CACHE_SHARE = 0.25  # of the memory this process may use
CPU = torch.device("cpu")


def read_picture(path: Path) -> Tensor:
    """The pixels of a picture, [3, H, W] uint8 r, g, b, stored channels last.

    Raises DataError: as `decoded_picture`.
    """
    return as_tensor(decoded_picture(path))


def as_tensor(picture: Image.Image) -> Tensor:
    """The pixels of a decoded picture, as `read_picture` gives them."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


class PictureCache:
    """Decoded pictures by number.

    Pictures are kept on the device until `limit_bytes` is reached, `CACHE_SHARE` of its memory unless given;
    the rest is decoded each time.
    """

    def __init__(
        self, paths: list[Path], *, device: torch.device = CPU, limit_bytes: int | None = None
    ) -> None:
        self.device = device
        self._paths = paths
        if limit_bytes is None:
            limit_bytes = int(usable_memory_bytes(device) * CACHE_SHARE)
        self._free_bytes = limit_bytes
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
    """Memory that this process may use: what a GPU has free, or a share of the machine's.

    The machine's memory counts only as far as the control groups of the process allow, and is divided by the
    number of training processes here; `root` is where the groups are mounted.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    own_groups = Path("/proc/self/cgroup")
    text = own_groups.read_text() if own_groups.exists() else ""
    group = root / text.rpartition("0::/")[2].strip()
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):  # there is no such group, or it says "max"
            limits.append(int((folder / "memory.max").read_text()))
    return min(limits) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
