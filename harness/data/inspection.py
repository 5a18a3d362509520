"""Inspect every frame: pictures whole and of the right size, labels sound; problems are collected."""

import hashlib
import io
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.labels import Problem, YoloBox, kitti_line, parse_yolo, to_corners
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
            _inspect_picture(frames / "images" / f"{stem}.jpg", dataset, findings)
            _convert_label(frames / "labels_raw" / f"{stem}.txt", dataset, findings)
            progress.advance()
    return findings


def _inspect_picture(path: Path, dataset: Dataset, findings: Findings) -> None:
    content = path.read_bytes()
    findings.pictures.setdefault(hashlib.sha256(content).hexdigest(), []).append(path.stem)
    expected = f"a JPEG picture of {dataset.width_px}x{dataset.height_px}"
    if found := picture_problem(content, width_px=dataset.width_px, height_px=dataset.height_px):
        findings.problems.append(Problem(where=f"images/{path.name}", found=found, expected=expected))


def picture_problem(content: bytes, *, width_px: int, height_px: int) -> str:
    """What is wrong with a JPEG picture, or "". Its size is looked at before anything is decoded."""
    from PIL import Image, UnidentifiedImageError  # costs 30 ms, and only this needs it

    if not content:
        return "an empty file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=("JPEG",))
        if picture.size != (width_px, height_px):
            return f"{picture.width}x{picture.height}"
        # An eighth of the size takes a third of the time, and still reads the file to its end.
        picture.draft("L", (1, 1))
        picture.load()
    except UnidentifiedImageError:
        return f"no JPEG picture ({len(content)} bytes, starting with {content[:8]!r})"
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        return str(error)
    return ""


def _convert_label(path: Path, dataset: Dataset, findings: Findings) -> None:
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
        corners = to_corners(box, width_px=dataset.width_px, height_px=dataset.height_px)
        if corners:
            lines.append(kitti_line(dataset.classes[box.class_id], corners))
    findings.boxes_repeated += len(boxes) - len(different)
    findings.boxes_under_a_pixel += len(different) - len(lines)
    findings.labels[path.stem] = "".join(lines)
