"""KITTI label files as TAO reads them: one object a line, 15 columns, a 16th where a score was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yolo_v4.errors import DataError

COLUMNS = 15
MIN_COLUMNS = 9  # the label-folder loader of TAO wants no more


@dataclass(frozen=True, slots=True)
class KittiObject:
    """One line of a label file, in the order of its columns. Corners in pixels, not rounded."""

    class_name: str  # as in the file
    truncation: float
    occlusion: int  # 0 visible; anything else counts as difficult
    alpha: float
    x1: float
    y1: float
    x2: float
    y2: float
    height: float = 0.0  # metres, as the position that follows; all zero without a third dimension
    width: float = 0.0
    length: float = 0.0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    rotation_y: float = 0.0

    @property
    def whole_corners(self) -> tuple[int, int, int, int]:
        """(x1, y1, x2, y2) cut to whole pixels towards zero, by which TAO judges a box."""
        return int(self.x1), int(self.y1), int(self.x2), int(self.y2)

    @property
    def has_area(self) -> bool:
        """Is the box at least a pixel wide and high, by its whole corners?"""
        x1, y1, x2, y2 = self.whole_corners
        return x1 < x2 and y1 < y2


def read_rows(path: Path) -> list[list[str]]:
    """Columns of each line that is not blank. Raises DataError: no such file, or not ASCII."""
    try:
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not plain ASCII: {error}", remedy="write class names without accents"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot read the label file {path}: {error}",
            remedy="give every image a label file of the same name (empty: no objects)",
        ) from error
    return [columns for line in text.split("\n") if (columns := line.split())]


def read_objects(path: Path) -> list[KittiObject]:
    """Objects of a label file by the rules of TAO's converter, boxes without area included.

    Raises DataError: as `read_rows` and `parse_columns`; a line without exactly 15 columns.
    """
    objects = []
    for index, columns in enumerate(read_rows(path)):
        where = f"{path}, object {index}"
        found = parse_columns(columns, where=where)
        if len(columns) != COLUMNS:
            hint = (
                " (the 16th is a score, which only inference writes)" if len(columns) == COLUMNS + 1 else ""
            )
            raise DataError(
                f"Ground truth kitti labels should have only {COLUMNS} fields. {where} has {len(columns)}{hint}",
                remedy="write: class truncated occluded alpha x1 y1 x2 y2 and seven zeros, separated by blanks",
            )
        objects.append(found)
    return objects


def parse_columns(columns: list[str], *, where: str) -> KittiObject:
    """The object in the columns of one line; missing ones count as 0, those after the 15th are left out.

    Raises DataError: no number, or a corner that is not finite; starts with Python's words, as TAO's.
    """
    try:
        numbers = [float(column) for column in columns[1:]]
        truncation, occlusion, alpha, x1, y1, x2, y2, *rest = (numbers + [0.0] * COLUMNS)[: COLUMNS - 1]
        for corner in (x1, y1, x2, y2):
            int(corner)  # NaN and infinity have no whole pixel
        return KittiObject(columns[0], truncation, int(occlusion), alpha, x1, y1, x2, y2, *rest)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{error} ({where})", remedy="columns 2 to 15 are finite numbers, and a class name has no blank"
        ) from error


def format_line(class_name: str, corners: Sequence[float], score: float) -> str:
    """One line of a label file as TAO's inference writes it: numbers as short as float32 allows, no line end."""
    numbers = [str(np.float32(value)) for value in (*corners, score)]
    return " ".join([class_name, "0 0 0", *numbers[:4], "0 0 0 0 0 0 0", numbers[4]])
