"""What was found, as files for people and programs: detections as CSV and JSON lines, counts as CSV.

`counts.csv` has a row for each picture and frame and a column for each class, after those of `PLACE`.
`detections.csv` has a row for each box with its corners in pixels; `detections.jsonl` the same as JSON, with
the keys of the file that `evaluate` leaves. They are made of the journal, a picture at a time, in the order
in which pictures and videos were listed.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from yolo_v4.files import written_whole
from yolo_v4.prediction.inputs import Item
from yolo_v4.prediction.moment import cameras, named
from yolo_v4.prediction.results import PICTURE, Entry, Results

DETECTIONS, LINES, COUNTS, UNREAD = "detections.csv", "detections.jsonl", "counts.csv", "unread.csv"
PLACE = ("camera", "time", "seconds", "frame", "number")


@dataclass
class Totals:
    """What all tables together hold."""

    frames: int = 0
    turned: int = 0
    cameras: set[str] = field(default_factory=set)
    boxes: dict[str, int] = field(default_factory=dict)  # by class
    frames_with: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)  # in one frame

    def add(self, camera: str, counts: Mapping[str, int], entry: Entry) -> None:
        """Count a picture or frame."""
        self.frames += 1
        self.turned += bool(entry.get("turned"))
        self.cameras.add(camera)
        for name, count in counts.items():
            self.boxes[name] = self.boxes.get(name, 0) + count
            self.frames_with[name] = self.frames_with.get(name, 0) + (count > 0)
            self.most[name] = max(self.most.get(name, 0), count)

    def told(self) -> dict[str, Any]:
        """For status.json."""
        return {
            "frames": self.frames,
            "cameras": len(self.cameras),
            "turned": self.turned,
            "boxes": self.boxes,
            "frames_with": self.frames_with,
            "most": self.most,
        }


def write_tables(results: Results, items: Sequence[Item], classes: Sequence[str]) -> Totals:
    """Write the three files of all that is done, and count it; `classes` are their names in the files."""
    totals = Totals()
    with ExitStack() as stack:
        row_of, line_of, count_of = (
            _writer(stack, results.folder / name) for name in (DETECTIONS, LINES, COUNTS)
        )
        row_of(_row([*PLACE, "class", "score", "x1", "y1", "x2", "y2"]))
        count_of(_row([*PLACE, *classes]))
        for place, entry in _placed(results, items):
            found = [(classes[number], score, box) for number, score, *box in entry["found"]]
            for name, score, box in found:
                row_of(_row([*place.values(), name, score, *box]))
                line_of(
                    json.dumps({**place, "class": name, "box": box, "score": score}, ensure_ascii=False)
                    + "\n"
                )
            counts = dict.fromkeys(classes, 0)
            for name, _, _ in found:
                counts[name] += 1
            count_of(_row([*place.values(), *counts.values()]))
            totals.add(str(place["camera"]), counts, entry)
    return totals


def write_unread(folder: Path, unread: Mapping[str, str]) -> None:
    """Write the names of what could not be read, and why; no file where there is none."""
    path = folder / UNREAD
    if not unread:
        path.unlink(missing_ok=True)
        return
    with written_whole(path) as stream:
        for row in [("frame", "reason"), *unread.items()]:
            stream.write(_row(row).encode("utf-8", "backslashreplace"))


def _placed(results: Results, items: Sequence[Item]) -> Iterator[tuple[dict[str, Any], Entry]]:
    """Where and when each picture and frame was taken, in the keys of `PLACE`, and what is noted of it."""
    for item, camera in zip(items, cameras(items), strict=True):
        moment = named(item).moment
        for entry in results.entries(item):
            number, seconds = entry["number"], entry.get("seconds")
            told = entry.get("taken") or entry.get("started")
            time = moment or (datetime.fromisoformat(told) if told else None)
            if time and number != PICTURE:
                time = time + timedelta(seconds=round(seconds, 3)) if seconds is not None else None
            yield (
                {
                    "camera": camera,
                    "time": time.isoformat() if time else None,
                    "seconds": round(seconds, 3) if seconds is not None else None,
                    "frame": item.name,
                    "number": number if number != PICTURE else None,
                },
                entry,
            )


def _writer(stack: ExitStack, path: Path) -> Callable[[str], object]:
    stream = stack.enter_context(written_whole(path))
    # Names of files need not be UTF-8; in JSON the escape means the same byte.
    return lambda text: stream.write(text.encode("utf-8", "backslashreplace"))


def _row(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
