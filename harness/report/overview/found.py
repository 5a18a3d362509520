"""What `eval` found on the test frames, and what is on them: detections.jsonl and the labels, read as data.

The files may be of a run that was cut short, or come from elsewhere: a line that makes no sense is left out
and counted.
"""

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.overlap import Box
from harness.engine.spec_text import class_mapping, tokens
from harness.errors import DataError
from harness.files import read_json
from harness.stages.eval import DETECTIONS, METRICS
from harness.text import one_line
from harness.workspace.layout import Workspace
from harness.workspace.marker import read_ingredients, read_marker

MOST_DETECTIONS, MOST_FRAMES = 500_000, 50_000
MOST_CHARACTERS = 60  # of the name of a class or frame
TEST = "test"
IOU = 0.5  # where metrics.json tells none
MODE = "average_precision_mode"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """A box with a class, and its score where it was found."""

    frame: int  # place in `Found.frames`
    name: str
    box: Box
    score: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The test frames, the objects on them and what was found of these."""

    frames: tuple[str, ...]  # names without ending, sorted
    objects: tuple[Marked, ...]
    detections: tuple[Marked, ...]
    iou_threshold: float
    is_integrated: bool  # average precision is the area under the curve, and not sampled at 11 recalls
    left_out: int  # lines that make no sense


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Average precisions as `eval` wrote them; None where a class has no ground truth, or is not told."""

    split: str
    images: int | None
    mean_average_precision: float | None
    average_precision: Mapping[str, float | None]
    boxes: Mapping[str, int]
    iou_threshold: float | None


def read_told(workspace: Workspace, split: str = TEST) -> Told | None:
    """What metrics.json says of a split; None where there is none that can be understood."""
    table = read_json(workspace.path(METRICS[split]))
    classes = table.get("AP")
    if not isinstance(classes, dict):
        return None
    boxes = table.get("boxes")
    counts = boxes if isinstance(boxes, dict) else {}
    images = table.get("images")
    return Told(
        split=split,
        images=images if type(images) is int else None,
        mean_average_precision=_share(table.get("mAP")),
        average_precision={_name(name): _share(value) for name, value in classes.items()},
        boxes={_name(name): count for name, count in counts.items() if type(count) is int},
        iou_threshold=_share(table.get("iou_threshold")),
    )


def read_found(workspace: Workspace) -> Found | None:
    """What was found on the test frames; None where that was not recorded.

    Raises:
        DataError: it is more than is looked at, and of a part alone nothing can be told.
    """
    path, folder = workspace.path(DETECTIONS), workspace.data / TEST / "labels"
    if not path.is_file() or not folder.is_dir():
        return None
    frames = tuple(sorted(each.stem for each in folder.glob("*.txt")))
    _require_few("test frames", len(frames), MOST_FRAMES)
    numbers = {name: number for number, name in enumerate(frames)}
    spec = _spec_as_used(workspace)
    objects, odd_labels = _objects(folder, frames, _names(workspace, class_mapping(spec)))
    detections, odd_lines = _detections(path, numbers)
    _require_few("detections", len(detections), MOST_DETECTIONS)
    told = read_told(workspace)
    words = [token.text for token in tokens(spec)]
    mode = words[words.index(MODE) + 2 : words.index(MODE) + 3] if MODE in words else []
    return Found(
        frames=frames,
        objects=tuple(objects),
        detections=tuple(detections),
        iou_threshold=(told.iou_threshold if told else None) or IOU,
        is_integrated=mode in (["INTEGRATE"], ["1"]),
        left_out=odd_labels + odd_lines,
    )


def _spec_as_used(workspace: Workspace) -> str:
    """The experiment spec that train published; "" where there is none."""
    marker = read_marker(workspace, "train")
    for product in marker.products if marker else ():
        with contextlib.suppress(OSError):
            if product.path.endswith(".txt"):
                text = workspace.path(product.path).read_text(errors="replace")
                if "target_class_mapping" in text:
                    return text
    return ""


def _names(workspace: Workspace, mapping: Mapping[str, str]) -> dict[str, str]:
    """Class in the labels, in lower case -> the name by which `eval` tells it."""
    inputs = read_ingredients(workspace, "verify").get("inputs")
    table = inputs if isinstance(inputs, dict) else {}
    own, written = table.get("classes"), table.get("written")
    names = {}
    if isinstance(own, list) and isinstance(written, list):
        names = {str(one).lower(): str(other) for one, other in zip(written, own, strict=False)}
    return {source: names.get(target, target) for source, target in mapping.items()} or names


def _objects(folder: Path, frames: Sequence[str], names: Mapping[str, str]) -> tuple[list[Marked], int]:
    """The objects of KITTI labels, and the number of lines that are none."""
    objects, odd = [], 0
    for number, frame in enumerate(frames):
        try:
            lines = (folder / f"{frame}.txt").read_text(errors="replace").splitlines()
        except OSError:
            odd += 1
            continue
        for words in filter(None, map(str.split, lines)):
            box = _box(words[4:8])
            if box is None:
                odd += 1
                continue
            written = words[0].lower()
            if not names or written in names:  # others are no classes that are sought
                objects.append(Marked(frame=number, name=_name(names.get(written, written)), box=box))
    return objects, odd


def _detections(path: Path, numbers: Mapping[str, int]) -> tuple[list[Marked], int]:
    """The detections of a file on frames of these numbers, and the number of lines that are none."""
    found: list[Marked] = []
    odd = 0
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            row: Any = None
            with contextlib.suppress(ValueError, RecursionError):
                row = json.loads(line)
            if isinstance(row, dict) and row.get("split", TEST) != TEST:
                continue
            one = _detection(row, numbers) if isinstance(row, dict) else None
            if one is None:
                odd += 1
            elif len(found) <= MOST_DETECTIONS:
                found.append(one)
    return found, odd


def _require_few(what: str, count: int, most: int) -> None:
    if count > most:
        raise DataError(
            f"more than {most:,} {what}, so single detections are not looked at",
            remedy="a higher confidence_threshold of nms_config, or fewer test frames",
        )


def _detection(row: Mapping[str, Any], numbers: Mapping[str, int]) -> Marked | None:
    box, score = _box(row.get("box")), _share(row.get("score"))
    number = numbers.get(Path(str(row.get("frame"))).stem)
    if box is None or score is None or number is None or not isinstance(row.get("class"), str):
        return None
    return Marked(frame=number, name=_name(row["class"]), box=box, score=score)


def _box(values: Any) -> Box | None:
    if not isinstance(values, list) or len(values) != 4:
        return None
    try:
        x1, y1, x2, y2 = (float(value) for value in values)
    except (TypeError, ValueError):
        return None
    box = (x1, y1, x2, y2)
    return box if all(math.isfinite(side) and abs(side) < 1e6 for side in box) else None


def _share(value: Any) -> float | None:
    """A number from 0 to 1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None


def _name(text: object) -> str:
    return one_line(str(text), longest=MOST_CHARACTERS)
