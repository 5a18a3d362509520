"""Pictures as tensors, and a cache that keeps decoded pictures as long as there is memory for them."""

import os
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from yolo_v4.data.frames import Ids
from yolo_v4.data.picture_file import decoded_picture
from yolo_v4.data.upload import to_device

CACHE_SHARE = 0.25  # of the memory this process may use
CHANNELS = 3
PADDING_STRIDE_PX = 8  # along both axes, of the pixels whose mean is the colour of the padding
CPU = torch.device("cpu")


def read_picture(path: Path) -> Tensor:
    """The pixels of a picture, [3, H, W] uint8 r, g, b, stored channels last.

    Raises DataError: as `decoded_picture`.
    """
    return as_tensor(decoded_picture(path))


def as_tensor(picture: Image.Image) -> Tensor:
    """The pixels of a decoded picture, as `read_picture` gives them."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


class Page(NamedTuple):
    """Pictures in one tensor, one after another, each with a row above and a column left of it for padding.

    P = pixels, T = the pictures that were asked for.
    """

    pixels: Tensor  # [3, P] uint8 r, g, b on a device; the last pixel belongs to no picture
    first: Ids  # [T] where each picture begins
    sizes: Ids  # [T, 2] width and height, without padding

    @property
    def stride(self) -> Ids:
        """Pixels from one row of each picture to the next, [T]."""
        return self.sizes[:, 0] + 1


class _Place(NamedTuple):
    first: int
    width: int
    height: int

    @property
    def area_px(self) -> int:
        return (self.width + 1) * (self.height + 1)


class PictureCache:
    """Decoded pictures by number, for several threads.

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
        self._limit_px = limit_bytes // CHANNELS
        self._pixels = torch.empty(CHANNELS, 1, dtype=torch.uint8, device=device)
        self._used_px = 0
        self._kept: dict[int, _Place] = {}
        self._lock = Lock()  # of the three above

    def page(self, numbers: Ids) -> Page:
        """A page with these pictures, not to be written to. A picture may be asked for several times.

        Raises DataError: a picture cannot be read.
        """
        wanted = list(dict.fromkeys(numbers.tolist()))
        decoded = {
            number: padded(read_picture(self._paths[number])) for number in wanted if number not in self._kept
        }
        with self._lock:
            for number, picture in decoded.items():
                self._keep(number, picture)
            pixels = self._pixels
        places = {number: self._kept[number] for number in wanted if number in self._kept}
        if len(places) < len(wanted):
            pixels, places = self._collected(pixels, places, decoded)
        of_each = np.array([places[number] for number in numbers.tolist()])
        return Page(pixels, of_each[:, 0], of_each[:, 1:])

    def _keep(self, number: int, picture: Tensor) -> None:
        place = _Place(self._used_px, picture.shape[2] - 1, picture.shape[1] - 1)
        end_px = place.first + place.area_px
        if number in self._kept or end_px > self._limit_px:
            return
        if end_px >= self._pixels.shape[1]:
            # As if all pictures were like the first one; where later ones are larger, twice as much. Memory
            # of a CPU that is not written to is not taken.
            room_px = max(end_px, 2 * self._used_px or place.area_px * len(self._paths))
            grown = self._pixels.new_empty(CHANNELS, min(room_px, self._limit_px) + 1)
            grown[:, : self._used_px] = self._pixels[:, : self._used_px]
            self._pixels = grown
        self._pixels[:, place.first : end_px] = to_device([picture.flatten(1)], self.device)[0]
        self._used_px = end_px
        self._kept[number] = place

    def _collected(
        self, kept: Tensor, places: dict[int, _Place], decoded: dict[int, Tensor]
    ) -> tuple[Tensor, dict[int, _Place]]:
        """A page made for one use, of pictures that are kept and of others that there is no room for."""
        others = {number: picture for number, picture in decoded.items() if number not in places}
        parts = [kept[:, place.first : place.first + place.area_px] for place in places.values()]
        parts += to_device([picture.flatten(1) for picture in others.values()], self.device)
        sizes = [(place.width, place.height) for place in places.values()]
        sizes += [(picture.shape[2] - 1, picture.shape[1] - 1) for picture in others.values()]
        first_px = 0
        collected = {}
        for number, size in zip([*places, *others], sizes, strict=True):
            collected[number] = _Place(first_px, *size)
            first_px += collected[number].area_px
        return torch.cat((*parts, kept[:, -1:]), dim=1), collected


def padded(picture: Tensor) -> Tensor:
    """A picture [3, H, W] as [3, H + 1, W + 1], with a row above and a column left of it of its mean colour.

    The mean is that of the pixels at every `PADDING_STRIDE_PX`-th row and column, in whole numbers.
    """
    sampled = picture[:, ::PADDING_STRIDE_PX, ::PADDING_STRIDE_PX].float()
    mean = sampled.mean(dim=(1, 2)).to(torch.uint8)[:, None]
    larger = F.pad(picture, (1, 0, 1, 0))
    larger[:, 0] = larger[:, :, 0] = mean
    return larger


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
