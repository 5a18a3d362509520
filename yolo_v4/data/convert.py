"""KITTI label files into TFRecords: the same files, records, counts and messages as TAO's converter."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from yolo_v4.data.kitti import KittiObject, read_objects
from yolo_v4.data.narrator import Narrator
from yolo_v4.data.partition import KITTI, partition, shards
from yolo_v4.data.picture_file import picture_size
from yolo_v4.data.tfrecord import WARNINGS, encode, write_records
from yolo_v4.errors import DataError, SpecError
from yolo_v4.spec.conversion import Conversion

WRITER = "dataset_converter_lib"
CLASS_MAP_NOTE = (
    "For the dataset_config in the experiment_spec, please use labels in the tfrecords file, "
    "while writing the classmap.\n"
)
# Feature of a record -> field of a `KittiObject`.
_FLOAT_FEATURES = {
    "target/truncation": "truncation",
    "target/observation_angle": "alpha",
    "target/coordinates_x1": "x1",
    "target/coordinates_y1": "y1",
    "target/coordinates_x2": "x2",
    "target/coordinates_y2": "y2",
    "target/world_bbox_h": "height",
    "target/world_bbox_w": "width",
    "target/world_bbox_l": "length",
    "target/world_bbox_x": "x",
    "target/world_bbox_y": "y",
    "target/world_bbox_z": "z",
    "target/world_bbox_rot_y": "rotation_y",
}


class Converter:
    """One conversion to record files whose paths begin with `prefix`; `narrator` writes its messages."""

    def __init__(self, conversion: Conversion, prefix: str, narrator: Narrator) -> None:
        self._conversion = conversion
        self._prefix = prefix
        self._narrator = narrator
        self._class_map: dict[str, str] = {}
        self._rejected: dict[str, tuple[int, int, int, int]] = {}

    def run(self) -> int:
        """Write all record files, each complete or not at all; returns the number of frames written.

        Raises SpecError: a value of the spec that TAO refuses.
        Raises DataError: a picture or label file that TAO refuses; says which.
        """
        self._narrator.tell("build_converter", "Instantiating a kitti converter", "STARTED")
        folder = self._prefix.rpartition("/")[0]
        self._narrator.log(WRITER, f"Creating output directory {folder}")
        if not folder:
            message = f'--output_filename is "{self._prefix}", without a folder'
            raise SpecError(message, remedy=f"give a folder too, such as -o ./{self._prefix}")
        Path(folder).mkdir(parents=True, exist_ok=True)
        folds = partition(self._conversion, self._narrator)
        total: Counter[str] = Counter()
        for number, frames in enumerate(folds):
            counts = self._write_fold(number, frames)
            self._narrator.log(WRITER, _counts_text(counts))
            total.update(counts)
        self._conclude(total)
        return sum(map(len, folds))

    def _write_fold(self, number: int, frames: list[str]) -> Counter[str]:
        counts: Counter[str] = Counter()
        for index, chosen in enumerate(shards(frames, self._conversion.shards)):
            self._narrator.tell(WRITER, f"Writing partition {number}, shard {index}")
            write_records(self._path(number, index), self._examples(chosen, counts))
        return counts

    def _path(self, fold: int, shard: int) -> Path:
        folds = self._conversion.partitions
        shards_of_fold = self._conversion.shards
        name = self._prefix
        if folds:
            name += f"-fold-{fold:03d}-of-{folds:03d}"
        if shards_of_fold:
            name += f"-shard-{shard:05d}-of-{shards_of_fold:05d}"
        return Path(name)

    def _examples(self, frames: Iterable[str], counts: Counter[str]) -> Iterator[bytes]:
        for frame in frames:
            objects = self._objects(frame)
            for found in objects:
                self._class_map[found.class_name] = found.class_name.lower()
            counts.update(found.class_name.lower() for found in objects)
            yield self._example(frame, objects)

    def _objects(self, frame: str) -> list[KittiObject]:
        path = self._label(frame)
        objects = read_objects(path)
        kept = []
        for found in objects:
            if found.has_area:
                kept.append(found)
            else:
                # TAO looks the object up in the list, so of two equal ones both get the number of the first.
                self._reject(found.whole_corners, path, objects.index(found))
        return kept

    def _reject(self, corners: tuple[int, int, int, int], path: Path, index: int) -> None:
        x1, y1, x2, y2 = corners
        self._rejected[f"{path}_{index}"] = corners
        self._narrator.debug(
            KITTI,
            "Top left coordinate must be less than bottom right."
            f"Error in object {index} of label_file {path}. "
            f"\nCoordinates: x1 = {x1}, x2 = {x2}, y1: {y1}, y2: {y2}",
        )
        self._narrator.debug(KITTI, "Skipping this object")

    def _example(self, frame: str, objects: list[KittiObject]) -> bytes:
        folder = self._conversion.image_folder
        path = self._conversion.root / folder / f"{frame}{self._conversion.image_extension}"
        if not self._conversion.image_extension.startswith(".") and not path.is_file():
            extension = self._conversion.image_extension
            raise DataError(
                f'no picture at {path}: image_extension is "{extension}", without its dot',
                remedy=f'write image_extension: ".{extension}"',
            )
        width_px, height_px = picture_size(path)
        floats = {key: [getattr(found, field) for found in objects] for key, field in _FLOAT_FEATURES.items()}
        try:
            return encode(
                {
                    "frame/id": [f"{folder}/{frame}".encode()],
                    "frame/height": [height_px],
                    "frame/width": [width_px],
                    "target/object_class": [found.class_name.lower().encode() for found in objects],
                    "target/occlusion": [found.occlusion for found in objects],
                    **floats,
                }
            )
        except ValueError as error:
            raise DataError(
                f"a number does not fit into a record: {error} ({self._label(frame)})",
                remedy="occlusion is a number from 0 to 3",
            ) from error

    def _label(self, frame: str) -> Path:
        return self._conversion.root / self._conversion.label_folder / f"{frame}.txt"

    def _conclude(self, total: Counter[str]) -> None:
        narrator = self._narrator
        status = narrator.status
        narrator.tell(WRITER, "Cumulative object statistics", categorical={"num_objects": dict(total)})
        narrator.log(WRITER, _counts_text(total))
        pairs = "".join(
            f"\n{source.encode()!r}: {target.encode()!r}" for source, target in self._class_map.items()
        )
        narrator.tell(WRITER, f"Class map. \nLabel in GT: Label in tfrecords file {pairs}")
        print(CLASS_MAP_NOTE, file=sys.stderr, flush=True)  # without time and logger, as in TAO
        status.write("RUNNING", CLASS_MAP_NOTE)
        narrator.log(WRITER, "Tfrecords generation complete.")
        status.write("SUCCESS", "TFRecords generation complete.")
        if self._rejected:
            narrator.log(WRITER, "Writing the log_warning.json")
            Path(f"{self._prefix}{WARNINGS}").write_text(json.dumps(self._rejected, indent=2))
            # The name of the file is misspelt in TAO's message too, which other programs may look for.
            place = f"{self._prefix}_waring.json"
            narrator.log(WRITER, f"There were errors in the labels. Details are logged at {place}")


def _counts_text(counts: Mapping[str, int]) -> str:
    lines = "".join(f"{name.encode()!r}: {count}\n" for name, count in counts.items())
    return f"\nWrote the following numbers of objects:\n{lines}"
