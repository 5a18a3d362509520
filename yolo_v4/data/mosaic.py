"""What each training input is made of: a picture alone, or four in a mosaic.

Legend: B = training inputs of a batch, T = their tiles, 4 = (x1, y1, x2, y2), 2 = (x, y).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from yolo_v4.data.augment import NUMBERS, Doubles
from yolo_v4.data.frames import Ids
from yolo_v4.spec.experiment import Augmentation


class Draws(NamedTuple):
    """What is drawn at random for a batch, before any picture is looked at."""

    sample: Ids  # [T] which training input each tile belongs to; ascending
    quarter: Ids  # [T] 0 to 3, row by row; 0 for a picture alone
    frame: Ids  # [T] which frame it shows
    split: Ids  # [B, 2] where a training input is divided; its width and height where it is not
    numbers: Doubles  # [T, NUMBERS] from 0 to 1, for `make_tiles`

    def areas(self, size: tuple[int, int]) -> Ids:
        """Corners [T, 4] of the tiles on training inputs of `size` (width, height), in pixels."""
        split_T2 = self.split[self.sample]
        is_beyond_T2 = np.stack((self.quarter % 2, self.quarter // 2), axis=1) == 1
        start_T2 = np.where(is_beyond_T2, split_T2, 0)
        return np.concatenate((start_T2, np.where(is_beyond_T2, size, split_T2)), axis=1)


def draw(
    members: Sequence[int],
    generators: Iterable[np.random.Generator],
    *,
    frames: int,
    spec: Augmentation,
    size: tuple[int, int],
) -> Draws:
    """Draw what is random about training inputs of `size` (width, height), each from its own generator.

    `members` are the frames to show. With probability `mosaic_prob` one is the top left of four, the others
    drawn from all `frames`.
    """
    shown: list[int] = []
    tiles: list[int] = []
    splits: list[tuple[int, int]] = []
    numbers: list[Doubles] = []
    for member, random in zip(members, generators, strict=True):
        shown.append(member)
        split = size
        if random.random() < spec.mosaic_prob:
            shown += random.integers(frames, size=3).tolist()
            split = (
                _split(size[0], spec.mosaic_min_ratio, random),
                _split(size[1], spec.mosaic_min_ratio, random),
            )
        tiles.append(1 if split is size else 4)
        splits.append(split)
        numbers.append(random.random((tiles[-1], NUMBERS)))
    count_B = np.array(tiles)
    sample_T = np.repeat(np.arange(len(tiles)), count_B)
    quarter_T = np.arange(len(shown)) - (np.cumsum(count_B) - count_B)[sample_T]
    return Draws(sample_T, quarter_T, np.array(shown), np.array(splits), np.concatenate(numbers))


def _split(side_px: int, min_ratio: float, random: np.random.Generator) -> int:
    """Where a side is divided: no part is less than `min_ratio` of it, or a pixel."""
    place = round(random.uniform(min_ratio, 1 - min_ratio) * side_px)
    return min(max(place, 1), side_px - 1)
