"""How many frames and boxes each split holds, counted from KITTI labels, and the table that tells it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.settings.dataset import Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """One split: its frames, those without boxes, and the boxes of each class in the data set's order."""

    frames: int
    empty_frames: int
    boxes: Mapping[str, int]


def count_boxes(labels: Path, stems: Sequence[str], dataset: Dataset) -> Count:
    """Count `<stem>.txt` in the folder `labels`, which have the written names of the data set's classes."""
    boxes: Counter[str] = Counter()
    empty_frames = 0
    for stem in stems:
        names = [line.split(maxsplit=1)[0] for line in (labels / f"{stem}.txt").read_text().splitlines()]
        boxes.update(names)
        empty_frames += not names
    own = zip(dataset.classes, dataset.written_classes, strict=True)
    return Count(
        frames=len(stems), empty_frames=empty_frames, boxes={name: boxes[written] for name, written in own}
    )


def table(counts: Mapping[str, Count]) -> str:
    """One column for each split and one for all, one row for each class; no newline at the end."""
    classes = list(next(iter(counts.values())).boxes)
    rows = [("samples", [count.frames for count in counts.values()])]
    rows.append(("  without boxes", [count.empty_frames for count in counts.values()]))
    rows.append(("boxes", [sum(count.boxes.values()) for count in counts.values()]))
    rows += [(f"  {name}", [count.boxes[name] for count in counts.values()]) for name in classes]
    width = max(len(title) for title, _ in rows)
    heads = [*counts, "all"]
    lines = [" " * width + "".join(f"{head:>12}" for head in heads)]
    lines += [
        title.ljust(width) + "".join(f"{number:>12}" for number in [*row, sum(row)]) for title, row in rows
    ]
    return "\n".join(lines)
