"""One picture or frame from the file to the results: decoded, turned upright, looked at, drawn, written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image

from yolo_v4.data.kitti import format_line
from yolo_v4.data.letterbox import placed_picture
from yolo_v4.data.picture_file import damaged_exif_ignored, decoded_picture, one_large
from yolo_v4.deploy.annotate import annotate
from yolo_v4.errors import DataError, DetectorError
from yolo_v4.files import written_whole
from yolo_v4.prediction.inputs import Item
from yolo_v4.prediction.moment import exif_moment
from yolo_v4.prediction.results import CLIP, ELSEWHERE, PICTURE, Entry, fingerprint
from yolo_v4.prediction.runtime import Find
from yolo_v4.prediction.video import VideoFrame
from yolo_v4.spec.experiment import NetworkInput

JPEG_QUALITY = 95
MAX_JPEG_PX = 65_000  # of a side; a little more cannot be written as JPEG
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
# How a picture of each other orientation becomes upright (EXIF 2.32, 4.6.4); PIL turns against the clock.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Task(NamedTuple):
    """A picture; or a frame of a video, with what was known of the video when it was opened; or its end."""

    item: Item
    frame: VideoFrame | None = None
    source: Sequence[int] = ()  # the video's fingerprint
    started: datetime | None = None
    ends_video: bool = False

    @property
    def number(self) -> int:
        """As the journal has it."""
        if self.frame is not None:
            return self.frame.number
        return CLIP if self.ends_video else PICTURE


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Does one task after the other, in any number of threads."""

    folder: Path  # of results
    find: Find
    target: NetworkInput
    classes: Sequence[str]
    threshold: float
    _made: set[Path] = field(default_factory=set)  # folders

    def __call__(self, task: Task) -> Entry | str:
        """What the journal notes of the task, or why the picture cannot be read."""
        try:
            if task.ends_video:
                return {"source": task.source, "files": {}}
            if task.frame is not None:
                frame, started = task.frame, _text(task.started)
                entry: Entry = {"seconds": frame.seconds, "started": started, "turned": frame.turned}
                return {"source": task.source, **entry, **self._results(task, frame.picture)}
            source = fingerprint(task.item.path)
            with one_large(task.item.path):
                picture = decoded_picture(task.item.path)
                taken, turn = exif_moment(picture), TURNS.get(_orientation(picture))
                if turn is not None:
                    picture = picture.transpose(turn)
                entry = {"source": source, "taken": _text(taken), "turned": turn is not None}
                return {**entry, **self._results(task, picture)}
        except DataError as error:
            return error.message

    def _results(self, task: Task, picture: Image.Image) -> Entry:
        pixels, fit = placed_picture(picture, self.target)
        found = self.find(pixels[None])[0]
        is_shown = found.scores >= self.threshold
        size = torch.tensor((self.target.width, self.target.height) * 2)
        boxes = fit.to_picture(found.boxes[is_shown] * size).tolist()
        scores, ids = found.scores[is_shown].tolist(), found.classes[is_shown].tolist()
        names = [self.classes[number] for number in ids]
        texts = [f"{name}: {score:.2f}" for name, score in zip(names, scores, strict=True)]
        drawn = annotate(picture, [tuple(box) for box in boxes], texts, ids)
        stem = task.item.stem if task.frame is None else f"{task.item.stem}/{task.number:06d}"
        lines = [f"{line}\n" for line in map(format_line, names, boxes, scores)]
        files = [self._save(stem, drawn), self._write(f"labels/{stem}.txt", "".join(lines).encode())]
        rounded = [
            [number, float(f"{score:.6g}"), *(round(side, 2) for side in box)]
            for number, score, box in zip(ids, scores, boxes, strict=True)
        ]
        return {"found": rounded, "files": dict(files)}

    def _save(self, stem: str, picture: Image.Image) -> tuple[str, int]:
        suffix = ".jpg" if max(picture.size) <= MAX_JPEG_PX else ".png"
        path = f"annotated/{stem}{suffix}"
        with written_whole(self._place(path), durable=False) as stream:
            picture.save(stream, "JPEG" if suffix == ".jpg" else "PNG", quality=JPEG_QUALITY)
            return path, stream.tell()

    def _write(self, path: str, content: bytes) -> tuple[str, int]:
        with written_whole(self._place(path), durable=False) as stream:
            stream.write(content)
        return path, len(content)

    def _place(self, path: str) -> Path:
        """The file to write; no folder on the way to it is a link, which may lead to the originals."""
        target = self.folder / path
        if target.parent not in self._made:
            for folder in reversed(target.relative_to(self.folder).parents[:-1]):
                if (self.folder / folder).is_symlink():
                    raise DetectorError(
                        f"{self.folder / folder} is a link, and results would be written where it leads",
                        remedy=ELSEWHERE,
                    )
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        return target


def _orientation(picture: Image.Image) -> int:
    with damaged_exif_ignored():
        return int(picture.getexif().get(ORIENTATION, 1))
    return 1


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
