"""Labels of KITTI: a line for each object, with its class and the corners of its box in pixels."""

from collections import Counter
from pathlib import PurePosixPath

from harness.data.layout_yolo import subset_and_folder, yolo_line
from harness.data.pictures import picture_size
from harness.data.source import Found, Picture, Source, pictures_of, read_text

LEAST_COLUMNS = 15
LEFT_OUT = "dontcare"  # regions, not objects
FOLDERS = {"image": "label", "images": "labels", "image_2": "label_2", "image_02": "label_02"}


def is_kitti(source: Source) -> bool:
    """Whether one of the first texts has a line of KITTI's columns."""
    texts = [name for name in source.names if name.endswith(".txt")][:200]
    return any(_rows(read_text(source, name)) for name in texts)


def read_kitti(source: Source) -> Found:
    """Pictures and labels of the same name, in folders such as images and labels, or beside each other."""
    found = Found(layout="KITTI", classes=(), pictures=[])
    known, counts, ids = {*source.names}, Counter[str](), dict[str, int]()
    for name in pictures_of(source):
        label = _label_of(name)
        if label not in known:
            counts["pictures have no label file: left out"] += 1
            continue
        text = read_text(source, label)
        rows = _rows(text)
        counts["lines have fewer than 15 columns or no numbers: left out"] += sum(
            bool(line.strip()) for line in text.splitlines()
        ) - len(rows)
        width_px, height_px = picture_size(source.read(name)) if rows else (0, 0)
        lines = []
        for own, corners in rows:
            if own.lower() == LEFT_OUT:
                counts["regions DontCare were left out"] += 1
            elif width_px:
                x1, y1, x2, y2 = _clipped(corners, width_px, height_px)
                lines.append(yolo_line(ids.setdefault(own, len(ids)), x1, y1, x2, y2))
        subset, folder = subset_and_folder(name, without=FOLDERS)
        found.pictures.append(Picture(name=name, subset=subset, folder=folder, label="\n".join([*lines, ""])))
    found.classes = tuple(ids)
    found.oddities += [f"{count} {what}" for what, count in counts.items() if count]
    return found


def _label_of(picture: str) -> str:
    parts = list(PurePosixPath(picture).with_suffix(".txt").parts)
    for place in reversed(range(len(parts) - 1)):
        if parts[place].lower() in FOLDERS:
            parts[place] = FOLDERS[parts[place].lower()]
            break
    return "/".join(parts)


def _rows(text: str) -> list[tuple[str, tuple[float, ...]]]:
    """Class and corners (x1, y1, x2, y2) in pixels of each line that has KITTI's columns."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < LEAST_COLUMNS:
            continue
        try:
            numbers = [float(word) for word in words[1:LEAST_COLUMNS]]
        except ValueError:
            continue
        rows.append((words[0], tuple(numbers[3:7])))
    return rows


def _clipped(corners: tuple[float, ...], width_px: int, height_px: int) -> tuple[float, ...]:
    """Corners as fractions of the picture; KITTI's own boxes reach over the edge by up to a pixel."""
    sides = (width_px, height_px, width_px, height_px)
    return tuple(min(max(corner / side, 0.0), 1.0) for corner, side in zip(corners, sides, strict=True))
