"""Frames of a split: where their pictures are and what is on them, from TFRecords or from folders of KITTI labels.

One rule for both kinds, where TAO has two: classes are compared in lower case, unmapped ones are dropped; boxes are
clipped to the picture (in validation later, to the network input, as in TAO) and dropped if thinner than 1/1000 of it;
occluded objects (column 3 or `target/occlusion` not 0) are difficult, left out of training unless
`include_difficult_in_training`, and neither right nor wrong in validation. Files are read in sorted order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from glob import glob
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from yolo_v4.data.kitti import MIN_COLUMNS, parse_columns, read_rows
from yolo_v4.data.picture_file import list_pictures, picture_size
from yolo_v4.data.tfrecord import decode, read_records
from yolo_v4.errors import DataError
from yolo_v4.spec.experiment import DatasetSpec, Experiment, Source

MIN_BOX_SHARE = 1e-3  # of the picture's width and height
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")  # in any case

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


def read_frames(experiment: Experiment, split: Split) -> list[Frame]:
    """The frames of a split, frames without objects included.

    Raises DataError: no frame at all, a record, label or picture that cannot be read.
    """
    spec = experiment.dataset
    class_ids = {source: experiment.classes.index(target) for source, target in spec.class_mapping.items()}
    sources = spec.validation if split == "validation" and spec.validation else spec.train
    frames: list[Frame] = []
    for source in sources:
        read = _read_folder if source.tfrecords is None else _read_records
        frames += read(
            source, spec, split, partial(_frame, class_ids, split == "train", spec.include_difficult)
        )
    if not frames:
        places = ", ".join(str(source.tfrecords or source.labels) for source in sources)
        raise DataError(
            f"the {split} data have no frame: {places}", remedy="check the data sources in dataset_config"
        )
    return frames


Frames = Callable[..., Frame]  # makes a frame of what was read, see `_frame`


def _read_records(source: Source, spec: DatasetSpec, split: Split, frame: Frames) -> Iterator[Frame]:
    assert source.tfrecords is not None
    for path in _chosen_files(source.tfrecords, spec, split):
        for number, record in enumerate(read_records(path)):
            where = f"record {number} (counted from 0) of {path}"
            found = _from_example(record, source.images, spec.image_extension, where, frame)
            if not found.image.is_file():
                raise DataError(
                    f"no picture at {found.image}, which {where} names",
                    remedy="check image_directory_path and image_extension in dataset_config",
                )
            yield found


def _chosen_files(pattern: str, spec: DatasetSpec, split: Split) -> list[Path]:
    """Files of a pattern; where one set of records serves both splits, the validation fold's or all others."""
    files = sorted(filter(Path.is_file, map(Path, glob(pattern))))  # noqa: PTH207  # as TAO: hidden files are not meant
    if not files:
        raise DataError(
            f"No files match pattern {pattern}", remedy="correct tfrecords_path, or run dataset_convert"
        )
    if spec.validation:
        return files
    fold = f"fold-{spec.validation_fold:03}-of-"
    return [path for path in files if (fold in str(path)) == (split == "validation")]


def _from_example(record: bytes, images: Path, extension: str, where: str, frame: Frames) -> Frame:
    try:
        features = decode(record)
        frame_id = features["frame/id"][0].decode()
        corners = [features.get(f"target/coordinates_{corner}", []) for corner in ("x1", "y1", "x2", "y2")]
        return frame(
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


def _read_folder(source: Source, spec: DatasetSpec, split: Split, frame: Frames) -> Iterator[Frame]:
    assert source.labels is not None
    for image in list_pictures(source.images, "", remedy="correct image_directory_path"):
        label = source.labels / f"{image.stem}.txt"
        if image.suffix.lower() in PICTURE_SUFFIXES and label.is_file():
            rows = [columns for columns in read_rows(label) if len(columns) >= MIN_COLUMNS]
            objects = [parse_columns(row, where=f"{label}, object {place}") for place, row in enumerate(rows)]
            yield frame(
                image,
                size=picture_size(image),
                names=[found.class_name for found in objects],
                boxes=np.array([(o.x1, o.y1, o.x2, o.y2) for o in objects], dtype=np.float32),
                occlusion=[found.occlusion for found in objects],
            )


def _frame(
    class_ids: Mapping[str, int],
    training: bool,
    include_difficult: bool,
    image: Path,
    *,
    size: tuple[int, int],
    names: Sequence[str],
    boxes: Floats,
    occlusion: Sequence[int],
) -> Frame:
    size_f, boxes = np.array(size, dtype=np.float32), boxes.reshape(-1, 4)
    if training:
        boxes = np.clip(boxes, 0, np.tile(size_f, 2))
    classes = np.array([class_ids.get(name.lower(), -1) for name in names], dtype=np.int64)
    hard, thick = np.array(occlusion, dtype=bool), boxes[:, 2:] - boxes[:, :2] > MIN_BOX_SHARE * size_f
    kept = (classes >= 0) & thick.all(axis=1) & ~(hard & (training and not include_difficult))
    return Frame(image=image, boxes=boxes[kept], classes=classes[kept], difficult=hard[kept])
