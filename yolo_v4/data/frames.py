"""Frames of a split: where their pictures are and what is on them, from TFRecords or folders of KITTI labels.

TAO has different rules for the two kinds of labels; here both follow the same ones:
  - class names are compared in lower case, and objects of classes that are not mapped are dropped;
  - boxes are clipped to the picture in training, and later, to the network input, in validation (as in TAO);
  - boxes thinner than 1/1000 of the picture are dropped;
  - occluded objects (column 3 or `target/occlusion` is not 0) are difficult: they are left out of training
    unless the spec says `include_difficult_in_training`, and are neither right nor wrong in validation.
Files are read in sorted order.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from yolo_v4.data.kitti import MIN_COLUMNS, parse_columns, read_rows
from yolo_v4.data.picture_file import TRAINING_SUFFIXES, list_pictures, picture_size
from yolo_v4.data.tfrecord import WARNINGS, decode, read_records
from yolo_v4.errors import DataError
from yolo_v4.spec.experiment import DatasetSpec, Experiment

MIN_BOX_SHARE = 1e-3  # of the picture's width and height
SHORT_ROWS = ""  # no name of a class: rows of label files with fewer than MIN_COLUMNS columns
UNMAPPED = -1  # class id of an object whose class is not mapped

Split = Literal["train", "validation"]
Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A picture and the objects on it. N = number of objects."""

    image: Path
    boxes: Floats  # [N, 4] float32: x1, y1, x2, y2 in pixels
    classes: Ids  # [N] int64: places in the experiment's classes
    difficult: Bools  # [N] bool


class Objects:
    """The objects of all frames, frame after frame, so that those of many frames are found at once.

    G = objects.
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        counts = np.array([len(frame.boxes) for frame in frames])
        self._ends = np.cumsum(counts)
        self._counts = counts
        self._boxes = np.concatenate([frame.boxes for frame in frames])
        self._classes = np.concatenate([frame.classes for frame in frames])
        # Of a class that has a hundredth of the objects, one is drawn ten times as often.
        weight_G = np.bincount(self._classes)[self._classes] ** -0.5
        self._weight_before = np.concatenate(([0.0], np.cumsum(weight_G)))  # of all objects before each one

    def __len__(self) -> int:
        """The number of frames."""
        return len(self._counts)

    @property
    def per_frame(self) -> float:
        """The mean number of objects of a frame."""
        return float(self._counts.mean())

    @property
    def most(self) -> int:
        """The largest number of objects of a frame."""
        return int(self._counts.max())

    def of(self, frames: Ids) -> tuple[Floats, Ids, Ids]:
        """Those of the frames with these numbers, which may repeat.

        Returns boxes [G, 4], classes [G], and for each the place of its frame among `frames`, ascending.
        """
        counts = self._counts[frames]
        place_G = np.repeat(np.arange(len(frames)), counts)
        # The objects of a frame are neighbours here and there.
        shift = self._ends[frames] - np.cumsum(counts)
        chosen_G = np.arange(len(place_G)) + shift[place_G]
        return self._boxes[chosen_G], self._classes[chosen_G], place_G

    def drawn(self, frames: Ids, numbers_F: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The centre of one object of each frame, [F, 2] in pixels, as numbers from 0 to 1 say.

        An object of a class that has n on all frames is chosen in proportion to n^-0.5. NaN where the frame
        has none, or its number is 1 or more.
        """
        centres_F2 = np.full((len(frames), 2), np.nan)
        is_drawn_F = (self._counts[frames] > 0) & (numbers_F < 1)
        end_F = self._ends[frames][is_drawn_F]
        first_F = end_F - self._counts[frames][is_drawn_F]
        low_F, high_F = self._weight_before[first_F], self._weight_before[end_F]
        reached_F = low_F + numbers_F[is_drawn_F] * (high_F - low_F)
        chosen_F = np.searchsorted(self._weight_before, reached_F, side="right") - 1
        # Rounding may lead to a neighbour's object.
        chosen_F = np.clip(chosen_F, first_F, end_F - 1)
        centres_F2[is_drawn_F] = self._boxes[chosen_F].reshape(-1, 2, 2).mean(axis=1)
        return centres_F2


def read_frames(experiment: Experiment, split: Split, *, dropped: Counter[str] | None = None) -> list[Frame]:
    """The frames of a split, frames without objects included.

    Args:
        dropped: counts what is left out: objects by their class that is not mapped, and short rows under
            SHORT_ROWS.

    Raises DataError: there is no frame at all, or a record, label or picture cannot be read.
    """
    spec = experiment.dataset
    sources = spec.validation if split == "validation" and spec.validation else spec.train
    rules = _Rules(
        class_ids={source: experiment.classes.index(target) for source, target in spec.class_mapping.items()},
        is_training=split == "train",
        include_difficult=spec.include_difficult,
        dropped=Counter() if dropped is None else dropped,
    )
    frames: list[Frame] = []
    for source in sources:
        if source.tfrecords is not None:
            files = _record_files(source.tfrecords, spec, split)
            frames += _read_records(files, source.images, spec.image_extension, rules)
        elif source.labels is not None:
            frames += _read_label_folder(source.labels, source.images, rules)
    if not frames:
        places = ", ".join(str(source.tfrecords or source.labels) for source in sources)
        raise DataError(
            f"the {split} data have no frame: {places}", remedy="check the data sources in dataset_config"
        )
    return frames


def dropped_in_words(dropped: Counter[str], split: str) -> str:
    """What `read_frames` left out, in a line; "" where nothing was."""
    classes = {name: count for name, count in sorted(dropped.items()) if name != SHORT_ROWS and count}
    parts = []
    if classes:
        listed = ", ".join(f"{name} ({count})" for name, count in classes.items())
        parts.append(f"objects of classes that target_class_mapping lacks: {listed}")
    if rows := dropped[SHORT_ROWS]:
        parts.append(f"{rows} rows with fewer than {MIN_COLUMNS} columns")
    return f"left out of the {split} data: {'; '.join(parts)}" if parts else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    """Which objects of a picture become those of its frame."""

    class_ids: Mapping[str, int]  # source class in lower case -> place in the experiment's classes
    is_training: bool
    include_difficult: bool
    dropped: Counter[str]

    def make_frame(
        self,
        image: Path,
        *,
        size: tuple[int, int],
        names: Sequence[str],
        boxes: Floats,
        occlusion: Sequence[int],
    ) -> Frame:
        """The frame of a picture of `size` (width, height) in pixels and all its objects, `boxes` [N, 4]."""
        size_px = np.array(size, dtype=np.float32)
        boxes = boxes.reshape(-1, 4)
        if self.is_training:
            boxes = np.clip(boxes, 0, np.tile(size_px, 2))
        self.dropped.update(name.lower() for name in names if name.lower() not in self.class_ids)
        classes = np.array([self.class_ids.get(name.lower(), UNMAPPED) for name in names], dtype=np.int64)
        difficult = np.array(occlusion, dtype=bool)
        is_thick = (boxes[:, 2:] - boxes[:, :2] > MIN_BOX_SHARE * size_px).all(axis=1)
        is_left_out = difficult & (self.is_training and not self.include_difficult)
        kept = (classes != UNMAPPED) & is_thick & ~is_left_out
        return Frame(image=image, boxes=boxes[kept], classes=classes[kept], difficult=difficult[kept])


def _record_files(pattern: str, spec: DatasetSpec, split: Split) -> list[Path]:
    """Files that match a pattern; only those of the split where both splits share one set of records."""
    # As TAO: hidden files do not match. What dataset_convert says beside its records is none of them.
    found = (path for path in map(Path, glob(pattern)) if path.is_file())  # noqa: PTH207
    files = sorted(path for path in found if not path.name.endswith(WARNINGS))
    if not files:
        raise DataError(
            f"No files match pattern {pattern}", remedy="correct tfrecords_path, or run dataset_convert"
        )
    if spec.validation:
        return files
    fold = f"fold-{spec.validation_fold:03}-of-"
    if split == "validation":
        return [path for path in files if fold in str(path)]
    return [path for path in files if fold not in str(path)]


def _read_records(files: Sequence[Path], images: Path, extension: str, rules: _Rules) -> Iterator[Frame]:
    for path in files:
        for number, record in enumerate(read_records(path)):
            where = f"record {number} (counted from 0) of {path}"
            frame = _from_example(record, images, extension, where, rules)
            if not frame.image.is_file():
                raise DataError(
                    f"no picture at {frame.image}, which {where} names",
                    remedy="check image_directory_path and image_extension in dataset_config",
                )
            yield frame


def _from_example(record: bytes, images: Path, extension: str, where: str, rules: _Rules) -> Frame:
    try:
        features = decode(record)
        frame_id = features["frame/id"][0].decode()
        corners = [features.get(f"target/coordinates_{corner}", []) for corner in ("x1", "y1", "x2", "y2")]
        return rules.make_frame(
            images / f"{frame_id}.{extension}",
            size=(features["frame/width"][0], features["frame/height"][0]),
            names=[name.decode() for name in features.get("target/object_class", [])],
            boxes=np.array(corners, dtype=np.float32).T,
            occlusion=features.get("target/occlusion", []),
        )
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, DataError) as error:
        raise DataError(
            f"{where} is not an example of dataset_convert: {error!r}",
            remedy="make the TFRecords anew with `yolo_v4 dataset_convert`",
        ) from error


def _read_label_folder(labels: Path, images: Path, rules: _Rules) -> Iterator[Frame]:
    """Frames of the pictures that have a label file of their name."""
    for image in list_pictures(images, "", remedy="correct image_directory_path"):
        label = labels / f"{image.stem}.txt"
        if image.suffix.lower() not in TRAINING_SUFFIXES or not label.is_file():
            continue
        every_row = read_rows(label)
        rows = [columns for columns in every_row if len(columns) >= MIN_COLUMNS]
        rules.dropped[SHORT_ROWS] += len(every_row) - len(rows)
        objects = [parse_columns(row, where=f"{label}, object {place}") for place, row in enumerate(rows)]
        corners = [(found.x1, found.y1, found.x2, found.y2) for found in objects]
        yield rules.make_frame(
            image,
            size=picture_size(image),
            names=[found.class_name for found in objects],
            boxes=np.array(corners, dtype=np.float32),
            occlusion=[found.occlusion for found in objects],
        )
