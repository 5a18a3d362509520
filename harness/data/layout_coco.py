"""Labels of COCO: JSON files with images, annotations and categories."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.data.layout_yolo import yolo_line
from harness.data.source import Found, Picture, Source, pictures_of
from harness.errors import DataError

CROWD = "regions of crowds were left out"
OUTLINES = "objects have an outline and no box: taken as the upright box of the outline"
NO_BOX = "objects have neither a box nor an outline of corners: left out"
GONE = "pictures are named in the JSON and not there: left out"
EXTRA = "pictures are named in no JSON: left out"
TWICE = "pictures are named twice: the first time counts"
# In the names of files of CVAT and COCO, before the subset.
PREFIX = re.compile(r"^(instances|person_keypoints|captions|annotations|_annotations)[._-]?", re.IGNORECASE)


def coco_files(source: Source) -> dict[str, Mapping[str, Any]]:
    """Those JSON files of a source that say which objects are on which picture."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in source.names:
        if not name.lower().endswith(".json"):
            continue
        try:
            content = json.loads(source.read(name))
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys():
            found[name] = content
    return found


def read_coco(source: Source, files: Mapping[str, Mapping[str, Any]]) -> Found:
    """Boxes of every file; a file is a subset.

    Raises:
        DataError: a file lacks what COCO's format demands.
    """
    found = Found(layout="COCO JSON", classes=(), pictures=[])
    counts: Counter[str] = Counter()
    places = _Places(pictures_of(source))
    ids: dict[str, int] = {}
    for name, content in files.items():
        try:
            _read_file(content, _subset(name), found, ids, places, counts)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise DataError(
                f"{name} in {source.path} is not COCO's format: {type(error).__name__} {error}",
                remedy="export it anew, or in another format",
            ) from error
    found.classes = tuple(ids)
    counts[EXTRA] = places.unused
    found.oddities += [f"{count} {what}" for what, count in counts.items() if count]
    return found


class _Places:
    """Finds pictures by the file names of a JSON, which may or may not have folders."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = {}
        for name in names:
            self._by_name.setdefault(PurePosixPath(name).name, []).append(name)
        self._used: set[str] = set()

    @property
    def unused(self) -> int:
        return sum(map(len, self._by_name.values())) - len(self._used)

    def find(self, file_name: str, subset: str) -> str:
        """The picture meant, "" for none: of several that of the same folders, then of the subset."""
        asked = PurePosixPath(file_name.replace("\\", "/"))
        candidates = self._by_name.get(asked.name, [])
        same = [name for name in candidates if f"/{name}".endswith(f"/{asked.as_posix().lstrip('/')}")]
        of_subset = [name for name in same or candidates if subset in PurePosixPath(name).parts]
        return next(iter(of_subset or same or candidates), "")

    def use(self, name: str) -> bool:
        """Whether the picture is used for the first time."""
        is_new = name not in self._used
        self._used.add(name)
        return is_new


def _read_file(
    content: Mapping[str, Any],
    subset: str,
    found: Found,
    ids: dict[str, int],
    places: _Places,
    counts: Counter[str],
) -> None:
    names = {each["id"]: " ".join(str(each["name"]).split()) for each in content["categories"]}
    for _, name in sorted(names.items(), key=lambda item: str(item[0]).zfill(12)):
        ids.setdefault(name, len(ids))
    objects: dict[Any, list[Mapping[str, Any]]] = {}
    for each in content["annotations"]:
        objects.setdefault(each["image_id"], []).append(each)
    for image in content["images"]:
        name = places.find(str(image["file_name"]), subset)
        if not name or not places.use(name):
            counts[TWICE if name else GONE] += 1
            continue
        size = float(image["width"]), float(image["height"])
        lines = [
            yolo_line(ids[names[each["category_id"]]], *corners)
            for each in objects.get(image["id"], ())
            if (corners := _corners(each, size, counts))
        ]
        folder = "/".join(part for part in PurePosixPath(name).parts[:-1] if part not in ("images", subset))
        found.pictures.append(Picture(name=name, subset=subset, folder=folder, label="\n".join([*lines, ""])))


def _corners(
    each: Mapping[str, Any], size: tuple[float, float], counts: Counter[str]
) -> tuple[float, float, float, float] | None:
    """Corners of an object as fractions of the picture, clipped to it; None where it is left out."""
    if each.get("iscrowd"):
        counts[CROWD] += 1
        return None
    outline = each.get("segmentation")
    if each.get("bbox"):
        x, y, width, height = map(float, each["bbox"])
        xs, ys = [x, x + width], [y, y + height]
    elif isinstance(outline, list) and any(outline):
        numbers = [[float(number) for number in part] for part in outline]
        xs = [number for part in numbers for number in part[::2]]
        ys = [number for part in numbers for number in part[1::2]]
        counts[OUTLINES] += 1
    else:
        counts[NO_BOX] += 1
        return None
    x1, x2, y1, y2 = (
        min(max(value / side, 0.0), 1.0)
        for values, side in ((xs, size[0]), (ys, size[1]))
        for value in (min(values), max(values))
    )
    return x1, y1, x2, y2


def _subset(name: str) -> str:
    stem = PREFIX.sub("", PurePosixPath(name).stem.removesuffix(".coco")).strip("._-")
    parent = PurePosixPath(name).parent.name
    return stem or (parent if parent not in ("", "annotations") else "train")
