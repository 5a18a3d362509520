"""Which cells are responsible for a true box: the one that holds its centre, and neighbours of it.

NVIDIA's program asks the cell of the centre alone. With neighbours there are more examples of each object,
and the network is not asked to be certain of a cell whose border is a pixel away.
Legend: G = true boxes.
Source of neighbours: YOLOv5 of Ultralytics (2020), where two cells beside its own find each object.
"""

import numpy as np
import numpy.typing as npt

BORDER = 1e-3  # cells; a centre on the right or lower border belongs to the last cell

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def own_cells(centre_G2: Floats, hw: tuple[int, int]) -> Integers:
    """The cell (x, y) [G, 2] that holds each centre, of a grid of height and width `hw`."""
    return np.floor(_in_cells(centre_G2, hw)).astype(np.int64)


def neighbour_cells(centre_G2: Floats, hw: tuple[int, int], nearness: int) -> tuple[Integers, Bools]:
    """The nearest cell to each centre beside its own where `nearness` is 1, the next one where it is 2.

    Cells are neighbours across an edge; the nearest two are one to the left or right and one above or below.
    Returns cells (x, y) [G, 2], and whether each is on the grid [G].
    """
    place_G2 = _in_cells(centre_G2, hw)
    cell_G2 = np.floor(place_G2).astype(np.int64)
    from_middle_G2 = place_G2 - cell_G2 - 0.5
    is_x_nearer_G = np.abs(from_middle_G2[:, 0]) >= np.abs(from_middle_G2[:, 1])
    axis_G = np.where(is_x_nearer_G == (nearness == 1), 0, 1)
    box_G = np.arange(len(cell_G2))
    neighbour_G2 = cell_G2.copy()
    neighbour_G2[box_G, axis_G] += np.where(from_middle_G2[box_G, axis_G] < 0, -1, 1)
    is_inside_G: Bools = np.all((neighbour_G2 >= 0) & (neighbour_G2 < (hw[1], hw[0])), axis=1)
    return neighbour_G2, is_inside_G


def _in_cells(centre_G2: Floats, hw: tuple[int, int]) -> Floats:
    """Centres, given in shares of the picture, in cells."""
    width_height = np.array((hw[1], hw[0]))
    in_cells: Floats = np.clip(centre_G2 * width_height, 0, width_height - BORDER)
    return in_cells
