"""Inspect every frame: pictures whole and of the right size, labels sound; problems are collected."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.labels import Problem, YoloBox, kitti_line, parse_yolo, to_corners
from harness.data.pictures import picture_problem, picture_size
from harness.progress import Progress
from harness.settings.dataset import Dataset


@dataclass(kw_only=True, slots=True)
class Findings:
    """What a look at the frames brought."""

    problems: list[Problem] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)  # stem -> KITTI lines
    boxes_under_a_pixel: int = 0  # left out of the labels
    boxes_repeated: int = 0  # the same line again in one file; left out but once
    pictures: dict[str, list[str]] = field(default_factory=dict)  # digest of the content -> stems
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)  # (width, height) in pixels -> pictures
    box_sizes: Counter[tuple[float, float]] = field(default_factory=Counter)  # of the boxes in the labels

    @property
    def identical_pictures(self) -> list[list[str]]:
        """Groups of stems whose pictures are the same bytes."""
        return [stems for stems in self.pictures.values() if len(stems) > 1]


def inspect_frames(
    frames: Path, stems: Iterable[str], dataset: Dataset, *, say: Callable[[str], None]
) -> Findings:
    """Check `images/<stem>.jpg` and `labels_raw/<stem>.txt` below `frames`; convert the labels to KITTI."""
    findings = Findings()
    stems = sorted(stems)
    with Progress("looking at frames", len(stems), unit="frames", say=say) as progress:
        for stem in stems:
            size = _inspect_picture(frames / "images" / f"{stem}.jpg", dataset, findings)
            _convert_label(frames / "labels_raw" / f"{stem}.txt", dataset, size, findings)
            progress.advance()
    return findings


def _inspect_picture(path: Path, dataset: Dataset, findings: Findings) -> tuple[int, int]:
    """(width, height) in pixels."""
    content = path.read_bytes()
    findings.pictures.setdefault(hashlib.sha256(content).hexdigest(), []).append(path.stem)
    declared = (dataset.width_px, dataset.height_px)
    expected = "a picture that can be decoded"
    if any(declared):
        expected = f"a picture of {'x'.join(str(side or 'any') for side in declared)}"
    if found := picture_problem(content, width_px=dataset.width_px, height_px=dataset.height_px):
        findings.problems.append(Problem(where=f"images/{path.name}", found=found, expected=expected))
    size = picture_size(content)
    findings.sizes[size] += 1
    return size


def _convert_label(path: Path, dataset: Dataset, size: tuple[int, int], findings: Findings) -> None:
    where = f"labels_raw/{path.name}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        findings.problems.append(Problem(where=where, found=str(error), expected="text"))
        return
    boxes, problems = parse_yolo(text, where=where, num_classes=len(dataset.classes))
    findings.problems += problems
    different: list[YoloBox] = list(dict.fromkeys(boxes))
    lines = []
    for box in different:
        corners = to_corners(box, width_px=size[0], height_px=size[1])
        if corners:
            lines.append(kitti_line(dataset.written_classes[box.class_id], corners))
            x1, y1, x2, y2 = corners
            findings.box_sizes[(round(x2 - x1, 2), round(y2 - y1, 2))] += 1
    findings.boxes_repeated += len(boxes) - len(different)
    findings.boxes_under_a_pixel += len(different) - len(lines)
    findings.labels[path.stem] = "".join(lines)
