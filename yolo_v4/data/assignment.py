"""Which cells are responsible for a true box: the one that holds its centre, and neighbours of it.

NVIDIA's program asks the cell of the centre alone. With neighbours there are more examples of each object,
and the network is not asked to be certain of a cell whose border is a pixel away.
Legend: G = true boxes, S = scales.
Source of neighbours: YOLOv5 of Ultralytics (2020), where two cells beside its own find each object.
"""

import numpy as np
import numpy.typing as npt

BORDER = 1e-3  # cells; a centre on the right or lower border belongs to the last cell

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def own_cells(centre_G2: Floats, wh_S2: Integers) -> Integers:
    """The cell (x, y) [G, S, 2] that holds each centre, of grids of so many cells across and down."""
    return _in_cells(centre_G2, wh_S2).astype(np.int64)


def neighbour_cells(centre_G2: Floats, wh_S2: Integers, nearness: int) -> tuple[Integers, Bools]:
    """The nearest cell to each centre beside its own where `nearness` is 1, the next one where it is 2.

    Cells are neighbours across an edge; the nearest two are one to the left or right and one above or below.
    Returns cells (x, y) [G, S, 2], and whether each is on its grid [G, S].
    """
    place_GS2 = _in_cells(centre_G2, wh_S2)
    cell_GS2 = place_GS2.astype(np.int64)
    from_middle_GS2 = place_GS2 - cell_GS2 - 0.5
    is_x_nearer_GS = np.abs(from_middle_GS2[..., 0]) >= np.abs(from_middle_GS2[..., 1])
    is_along_x_GS = is_x_nearer_GS == (nearness == 1)
    is_along_GS2 = np.stack((is_along_x_GS, ~is_along_x_GS), axis=-1)
    neighbour_GS2 = cell_GS2 + np.where(from_middle_GS2 < 0, -1, 1) * is_along_GS2
    is_inside_GS: Bools = np.all((neighbour_GS2 >= 0) & (neighbour_GS2 < wh_S2), axis=-1)
    return neighbour_GS2, is_inside_GS


def _in_cells(centre_G2: Floats, wh_S2: Integers) -> Floats:
    """Centres [G, S, 2] in cells of each grid; given in shares of the picture."""
    in_cells: Floats = np.clip(centre_G2[:, None] * wh_S2, 0, wh_S2 - BORDER)
    return in_cells
