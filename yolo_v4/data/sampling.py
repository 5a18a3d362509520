"""The pixels of a batch: all tiles of all training inputs are sampled together, wherever the pictures are.

A training input is divided into four quarters, of which three are empty where it shows one picture. Where a
pixel comes from along x depends on its column and on its half (upper or lower), along y on its row and its
side (left or right). These are small tables, made in numpy; a device adds them up for all pixels and
interpolates bilinearly between half-pixel centres, clamped at the edges of the visible part, with as many
operations for a hundred training inputs as for one.
Legend: B = training inputs, T = tiles, C = channels, H and W = rows and columns, P = pixels of a page.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from yolo_v4.data.augment import Tiles
from yolo_v4.data.mosaic import Draws
from yolo_v4.data.pictures import Page
from yolo_v4.spec.experiment import NetworkInput

Table = npt.NDArray[Any]


class Tables(NamedTuple):
    """Where the pixels of a batch come from."""

    is_right: Tensor  # [B, W] bool: which columns lie right of the split
    is_lower: Tensor  # [B, H] bool
    column: Tensor  # [B, 2 halves, W] int64: the first of two neighbours, added to where its row begins
    column_share: Tensor  # [B, 2, W] float32: of the second one
    row: Tensor  # [2 neighbours, B, 2 sides, H] int64: where a row of a picture begins on the page
    row_share: Tensor  # [B, 2, H] float32: of the second one
    colour: Tensor  # [B, 2 halves, 2 sides, C, 3] float32
    mean: Tensor  # [C, 1] float32, subtracted


def sampling_tables(
    draws: Draws, tiles: Tiles, page: Page, spec: NetworkInput, size: tuple[int, int]
) -> Tables:
    """The tables of tiles whose pictures are on a page, for training inputs of `size` (width, height)."""
    is_right, is_lower = (np.arange(side) >= draws.split[:, axis, None] for axis, side in enumerate(size))
    along_x, along_y = np.moveaxis(_by_quarter(draws, _along_axes(tiles)), 3, 0)
    column, _, column_share = _lines(is_right, along_x)
    row, next_row, row_share = _lines(is_lower, along_y.swapaxes(1, 2))
    in_page = _by_quarter(draws, np.stack((page.first, page.stride), axis=1)).swapaxes(1, 2)
    first, stride = _chosen(is_lower, in_page)
    tables = (
        is_right,
        is_lower,
        column,
        column_share,
        first + stride * np.stack((row, next_row)),
        row_share,
        _by_quarter(draws, tiles.colour.astype(np.float32)),
        np.array(spec.mean, dtype=np.float32)[:, None],
    )
    return Tables(*map(torch.from_numpy, tables))


def _along_axes(tiles: Tiles) -> Table:
    """What `_lines` needs to know of each tile along each axis, [T, 2 axes, 6]."""
    begin = tiles.area[:, :2] + np.where(tiles.flip, tiles.size - tiles.tile_end, tiles.tile_start)
    end = begin + tiles.tile_end - tiles.tile_start
    # Of a flipped tile, the picture begins where the visible part ends.
    slope = np.where(tiles.flip, -1, 1) / tiles.scale
    offset = tiles.picture_start - 0.5 - (np.where(tiles.flip, end, begin) - 0.5) * slope
    return np.stack((begin, end, slope, offset, tiles.picture_start, tiles.picture_end - 1), axis=-1)


def _by_quarter(draws: Draws, values: Table) -> Table:
    """Values [T, ...] of tiles as [B, 2 halves, 2 sides, ...]; 0 for quarters that are empty."""
    table = np.zeros((len(draws.split), 4, *values.shape[1:]), dtype=values.dtype)
    table[draws.sample, draws.quarter] = values
    return table.reshape(-1, 2, 2, *values.shape[1:])


def _chosen(is_beyond: Table, values: Table) -> Table:
    """Of values [B, 2, 2 sides of the split, V], for each column the one of its side: [V, B, 2, W]."""
    before, beyond = np.moveaxis(values, (2, 3), (0, 1))[..., None]
    return np.where(is_beyond[:, None], beyond, before)


def _lines(is_beyond: Table, quarters: Table) -> tuple[Table, Table, Table]:
    """For each column (or row), the two of the picture that it lies between, and the share of the second.

    A picture's own are counted from 1; 0 is padding. `quarters` is [B, 2, 2, 6], each result [B, 2, W].
    """
    begin, end, slope, offset, first, last = _chosen(is_beyond, quarters)
    line = np.arange(is_beyond.shape[1])
    is_visible = (line >= begin) & (line < end)
    place = np.clip(line * slope + offset, first, last)
    before = np.floor(place)
    share = np.where(is_visible, place - before, 0).astype(np.float32)
    before = np.where(is_visible, before + 1, 0).astype(np.int64)
    return before, before + (share > 0), share


def sample(pixels: Tensor, tables: Tables) -> Tensor:
    """Network input [B, C, H, W] float32: pixels of a page [3, P], mixed and with the mean subtracted.

    P is at least one more than the last pixel that is asked for.
    """
    is_right = tables.is_right[:, None]
    is_lower = tables.is_lower[:, :, None]
    column, share_x = (
        torch.where(is_lower, table[:, 1, None], table[:, 0, None])
        for table in (tables.column, tables.column_share)
    )
    row, share_y = (
        torch.where(is_right, table[..., 1, :, None], table[..., 0, :, None])
        for table in (tables.row, tables.row_share)
    )
    index = (row + column).view(1, -1).expand(3, -1)
    # Where the share of the next column is 0, it may be anything.
    first, second = (
        part.gather(1, index).view(3, *row.shape[:2], *column.shape[1:]).float()
        for part in (pixels[:, :-1], pixels[:, 1:])
    )
    upper, lower = first.lerp_(second, share_x).unbind(1)
    rgb_BH3W = upper.lerp_(lower, share_y).permute(1, 2, 0, 3)

    colour = torch.where(is_lower[..., None, None], tables.colour[:, 1, None], tables.colour[:, 0, None])
    left, right = (colour[:, :, side] @ rgb_BH3W for side in range(2))
    mixed = left.lerp_(right, is_right[:, :, None].float())
    return mixed.clamp_(0, 255).sub_(tables.mean).permute(0, 2, 1, 3)
