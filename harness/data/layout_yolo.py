"""Labels of YOLO: CVAT's "YOLO 1.1", and Ultralytics' images/ and labels/ with data.yaml or classes.txt."""

import re
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from harness.data.archive import INVISIBLE, NAMES
from harness.data.frames import is_data_folder, pair_members
from harness.data.source import Found, Picture, Source, pictures_of, read_text
from harness.errors import DataError

# Folders that are subsets, such as train, val2017 or test-A; others are cameras, days or scenes.
SUBSET = re.compile(r"(train|training|val|valid|validation|test|testing)([^a-z].*)?", re.IGNORECASE)
BOX_COLUMNS = 5


def read_yolo_1_1(source: Source, names_file: str) -> Found:
    """A CVAT export: `obj.names`, and beside it a folder obj_…_data for each subset."""
    top = names_file[: -len(NAMES)]
    below = [
        name
        for name in source.names
        if name.startswith(top) and is_data_folder(name[len(top) :].split("/")[0])
    ]
    pairing = pair_members(below)
    pictures = [
        Picture(
            name=frame.picture,
            subset=frame.subset,
            folder=frame.folder,
            label=read_text(source, frame.label),
        )
        for frame in pairing.frames
    ]
    return Found(
        layout="YOLO 1.1, as CVAT exports it",
        classes=_lines(read_text(source, names_file)),
        pictures=pictures,
        oddities=list(pairing.unpaired),
    )


def read_ultralytics(source: Source, names_file: str) -> Found:
    """Pictures below images/, labels of the same path below labels/; a picture without label is empty.

    Paths in data.yaml are not followed: the folders say the same.
    """
    text = read_text(source, names_file)
    is_yaml = names_file.endswith((".yaml", ".yml"))
    classes = yaml_names(text, names_file) if is_yaml else _lines(text)
    top = names_file[: -len(PurePosixPath(names_file).name)]
    found = Found(layout=f"YOLO, with {names_file}", classes=classes, pictures=[])
    found.oddities += _paths_outside(text, names_file) if is_yaml else []
    known, missing, polygons = {*source.names}, 0, 0
    for name in pictures_of(source):
        if not name.startswith(top):
            continue
        label = _label_of(name)
        lines = read_text(source, label).splitlines() if label in known else []
        missing += label not in known
        boxes = [_as_box(line) for line in lines]
        polygons += sum(box != line for box, line in zip(boxes, lines, strict=True))
        subset, folder = subset_and_folder(name[len(top) :], without={"images"})
        found.pictures.append(
            Picture(name=name, subset=subset, folder=folder, label="".join(f"{box}\n" for box in boxes))
        )
    if missing:
        found.oddities.append(f"{missing} pictures have no label file: taken as pictures without objects")
    if polygons:
        found.oddities.append(f"{polygons} outlines (segmentation) were taken as their upright boxes")
    return found


def yaml_names(text: str, where: str) -> tuple[str, ...]:
    """The class names of a data.yaml: in brackets or braces, or one a line.

    Raises:
        DataError: it has none, or in another form.
    """
    lines = [re.sub(r"\s+#.*|^#.*", "", line) for line in text.splitlines()]
    first = next((place for place, line in enumerate(lines) if line.startswith("names:")), None)
    if first is not None:
        value = lines[first].removeprefix("names:").strip()
        if value[:1] in ("[", "{"):
            inside = re.match(r"[\[{](.*?)[\]}]", " ".join([value, *lines[first + 1 :]]), re.DOTALL)
            entries = re.findall(r"""(?:"[^"]*"|'[^']*'|[^,"'])+""", inside[1]) if inside else []
        else:
            entries = list(_block(lines[first + 1 :]))
        names = tuple(filter(None, map(_name, entries)))
        if names:
            return names
    raise DataError(
        f"{where}: no class names that can be read", remedy="write names: and below it one a line: '  0: car'"
    )


def _block(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() and not line.startswith((" ", "-")):
            return
        if line.strip():
            yield line.strip().removeprefix("- ")


def _name(entry: str) -> str:
    bare = re.sub(r"^\s*\d+\s*:\s*", "", entry).strip()
    return bare[1:-1] if bare[:1] in ("'", '"') and bare[-1:] == bare[:1] else bare


def _paths_outside(text: str, where: str) -> list[str]:
    paths = re.findall(r"^(path|train|val|test):[ \t]*(\S+)", text, re.MULTILINE)
    return [
        f"{where}: {key} is {path}, which leaves the folder and was not followed"
        for key, path in paths
        if ".." in path.strip("\"'").split("/") or path.strip("\"'").startswith(("/", "~")) or ":" in path
    ]


def _label_of(picture: str) -> str:
    parts = list(PurePosixPath(picture).with_suffix(".txt").parts)
    for place in reversed(range(len(parts) - 1)):
        if parts[place].lower() == "images":
            parts[place] = "labels"
            break
    return "/".join(parts)


def subset_and_folder(name: str, *, without: Collection[str]) -> tuple[str, str]:
    """The subset of a picture by its first folder, else train, and its other folders.

    Args:
        without: folders in lower case that hold pictures in every subset, such as images.
    """
    folders = [part for part in PurePosixPath(name).parts[:-1] if part.lower() not in without]
    if folders and SUBSET.fullmatch(folders[0]):
        return folders[0], "/".join(folders[1:])
    return "train", "/".join(folders)


def _as_box(line: str) -> str:
    """A line of class and box as it is; of class and outline (x y …, fractions) its upright box."""
    words = line.split()
    if len(words) < BOX_COLUMNS + 2 or len(words) % 2 == 0:
        return line
    try:
        numbers = [float(word) for word in words[1:]]
    except ValueError:
        return line
    return yolo_line(words[0], min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2]))


def yolo_line(class_id: str | int, x1: float, y1: float, x2: float, y2: float) -> str:
    """A line of a YOLO label, without its end, from corners as fractions of the picture."""
    return f"{class_id} {(x1 + x2) / 2:.9g} {(y1 + y2) / 2:.9g} {x2 - x1:.9g} {y2 - y1:.9g}"


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in INVISIBLE.sub("", text).splitlines() if line.strip())
