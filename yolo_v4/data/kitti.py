"""KITTI label files as TAO reads and writes them: one object a line, 15 columns, a 16th for the score."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yolo_v4.errors import DataError

COLUMNS = 15
MIN_COLUMNS = 9  # TAO's loader of label folders asks for no more


@dataclass(frozen=True, slots=True)
class KittiObject:
    """One line of a label file, in the order of its columns; corners in pixels, not rounded."""

    class_name: str  # as in the file
    truncation: float
    occlusion: int  # 0 visible; anything else counts as difficult
    alpha: float
    x1: float
    y1: float
    x2: float
    y2: float
    height: float = 0.0  # size and position in metres; all zero where there is no third dimension
    width: float = 0.0
    length: float = 0.0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    rotation_y: float = 0.0

    @property
    def whole_corners(self) -> tuple[int, int, int, int]:
        """(x1, y1, x2, y2) rounded towards zero, by which TAO decides whether a box has an area."""
        return int(self.x1), int(self.y1), int(self.x2), int(self.y2)

    @property
    def has_area(self) -> bool:
        """Whether the box is at least a pixel wide and high, by its whole corners."""
        x1, y1, x2, y2 = self.whole_corners
        return x1 < x2 and y1 < y2


def read_rows(path: Path) -> list[list[str]]:
    """Columns of each line that is not blank. Raises DataError: there is no such file, or it is not ASCII.

    A byte order mark, as Windows writes it, is no part of the first class name.
    """
    try:
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode("ascii")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not plain ASCII: {error}", remedy="write class names without accents"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot read the label file {path}: {error}",
            remedy="give every image a label file of the same name (empty: no objects)",
        ) from error
    # As text files are read: a line may end as on Windows.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [columns for line in lines if (columns := line.split())]


def read_objects(path: Path) -> list[KittiObject]:
    """Objects of a label file by the rules of TAO's converter, boxes without area included.

    Raises DataError: as `read_rows` and `parse_columns`, or a line has not exactly 15 columns.
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
                f"Ground truth kitti labels should have only {COLUMNS} fields. "
                f"{where} has {len(columns)}{hint}",
                remedy="write: class truncated occluded alpha x1 y1 x2 y2 and seven zeros, "
                "separated by blanks",
            )
        objects.append(found)
    return objects


def parse_columns(columns: list[str], *, where: str) -> KittiObject:
    """The object in the columns of one line; missing columns count as 0, those after the 15th are ignored.

    Raises DataError: a column is no number, or a corner is not finite; the message starts with Python's, as
    in TAO.
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
    """A line of a label file as TAO's inference writes it, without line end; numbers are shortest float32."""
    numbers = [str(np.float32(value)) for value in (*corners, score)]
    return " ".join([class_name, "0 0 0", *numbers[:4], "0 0 0 0 0 0 0", numbers[4]])
