"""Frames of a split: where their pictures are and what is on them, from TFRecords or from folders of KITTI labels.

One rule for both kinds, where TAO has two: classes are compared in lower case, unmapped ones are dropped; boxes are
clipped to the picture and dropped if then thinner than 1/1000 of it; occluded objects (column 3 or `target/occlusion`
not 0) are difficult, left out of training unless `include_difficult_in_training`, and neither right nor wrong in
validation. Files are read in sorted order, so the same data give the same frames everywhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from yolo_v4.data.example import decode
from yolo_v4.data.kitti import MIN_COLUMNS, KittiObject, parse_columns, read_rows
from yolo_v4.data.picture_file import picture_size
from yolo_v4.data.tfrecord import read_records
from yolo_v4.errors import DataError
from yolo_v4.spec.experiment import DatasetSpec, Experiment, Source

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
MIN_BOX_SHARE = 1e-3  # of the picture's width and height

Split = Literal["train", "validation"]
Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A picture and the objects on it. N = number of objects."""

    id: str  # <folder>/<stem>
    image: Path
    width: int  # pixels
    height: int
    boxes: Floats  # [N, 4] float32: x1, y1, x2, y2 in pixels, within the picture
    classes: Ids  # [N] int64: places in the experiment's classes
    difficult: Bools  # [N] bool


def read_frames(experiment: Experiment, split: Split) -> list[Frame]:
    """The frames of a split, frames without objects included.

    Raises:
        DataError: no frame at all, a record, label or picture that cannot be read.
    """
    spec = experiment.dataset
    class_ids = {source: experiment.classes.index(target) for source, target in spec.class_mapping.items()}
    sources = spec.validation if split == "validation" and spec.validation else spec.train
    frames: list[Frame] = []
    for source in sources:
        read = _read_folder if source.tfrecords is None else _read_records
        frames += [_frame(raw, class_ids) for raw in read(source, spec, split)]
    if not frames:
        places = ", ".join(str(source.tfrecords or source.labels) for source in sources)
        raise DataError(
            f"the {split} data have no frame: {places}",
            remedy="check the data sources in dataset_config",
        )
    if split == "train" and not spec.include_difficult:
        frames = [_without_difficult(frame) for frame in frames]
    return frames


@dataclass(frozen=True, kw_only=True, slots=True)
class _RawFrame:
    """A frame before classes are mapped and boxes filtered."""

    id: str
    image: Path
    width: int
    height: int
    names: list[str]
    boxes: Floats
    occlusion: list[int]


def _read_records(source: Source, spec: DatasetSpec, split: Split) -> Iterator[_RawFrame]:
    assert source.tfrecords is not None
    for path in _chosen_files(source.tfrecords, spec, split):
        for number, record in enumerate(read_records(path)):
            where = f"record {number} (counted from 0) of {path}"
            frame = _from_example(decode(record), source.images, spec.image_extension, where)
            if not frame.image.is_file():
                raise DataError(
                    f"no picture at {frame.image}, which {where} names",
                    remedy="check image_directory_path and image_extension in dataset_config",
                )
            yield frame


def _chosen_files(pattern: str, spec: DatasetSpec, split: Split) -> list[Path]:
    """Files of a pattern; where one set of records serves both splits, the validation fold's or all others."""
    root = Path(Path(pattern).anchor)
    files = sorted(path for path in root.glob(str(Path(pattern).relative_to(root))) if path.is_file())
    if not files:
        raise DataError(
            f"No files match pattern {pattern}", remedy="run `yolo_v4 dataset_convert`, or correct tfrecords_path"
        )
    if spec.validation:
        return files
    fold = f"fold-{spec.validation_fold:03}-of-"
    return [path for path in files if (fold in str(path)) == (split == "validation")]


def _from_example(features: Mapping[str, list[Any]], images: Path, extension: str, where: str) -> _RawFrame:
    try:
        frame_id = features["frame/id"][0].decode()
        corners = [features.get(f"target/coordinates_{corner}", []) for corner in ("x1", "y1", "x2", "y2")]
        return _RawFrame(
            id=frame_id,
            image=images / f"{frame_id}.{extension}",
            width=features["frame/width"][0],
            height=features["frame/height"][0],
            names=[name.decode() for name in features.get("target/object_class", [])],
            boxes=np.array(corners, dtype=np.float32).T.reshape(-1, 4),
            occlusion=features.get("target/occlusion", []),
        )
    except (KeyError, IndexError, ValueError) as error:
        raise DataError(
            f"{where} is not an example of dataset_convert: {error!r}",
            remedy="make the TFRecords anew with `yolo_v4 dataset_convert`",
        ) from error


def _read_folder(source: Source, spec: DatasetSpec, split: Split) -> Iterator[_RawFrame]:
    assert source.labels is not None
    for image in sorted(path for path in source.images.iterdir() if path.suffix in PICTURE_SUFFIXES):
        label = source.labels / f"{image.stem}.txt"
        if label.is_file():
            yield _from_objects(image, list(_objects(label)))


def _objects(label: Path) -> Iterable[KittiObject]:
    for number, columns in enumerate(read_rows(label)):
        if len(columns) >= MIN_COLUMNS:
            yield parse_columns(columns, where=f"{label}, object {number}")


def _from_objects(image: Path, objects: list[KittiObject]) -> _RawFrame:
    width, height = picture_size(image)
    return _RawFrame(
        id=f"{image.parent.name}/{image.stem}",
        image=image,
        width=width,
        height=height,
        names=[found.class_name for found in objects],
        boxes=np.array([(o.x1, o.y1, o.x2, o.y2) for o in objects], dtype=np.float32).reshape(-1, 4),
        occlusion=[found.occlusion for found in objects],
    )


def _frame(raw: _RawFrame, class_ids: Mapping[str, int]) -> Frame:
    size = np.array((raw.width, raw.height), dtype=np.float32)
    boxes = np.clip(raw.boxes, 0, np.tile(size, 2))
    classes = np.array([class_ids.get(name.lower(), -1) for name in raw.names], dtype=np.int64)
    kept = (classes >= 0) & (boxes[:, 2:] - boxes[:, :2] > MIN_BOX_SHARE * size).all(axis=1)
    return Frame(
        id=raw.id,
        image=raw.image,
        width=raw.width,
        height=raw.height,
        boxes=boxes[kept],
        classes=classes[kept],
        difficult=np.array(raw.occlusion, dtype=bool)[kept],
    )


def _without_difficult(frame: Frame) -> Frame:
    easy = ~frame.difficult
    return replace(frame, boxes=frame.boxes[easy], classes=frame.classes[easy], difficult=frame.difficult[easy])
