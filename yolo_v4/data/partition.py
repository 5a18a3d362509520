"""Which frames go into which fold and shard: TAO's choice, frame for frame."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from yolo_v4.data.narrator import Narrator
from yolo_v4.data.picture_file import list_pictures
from yolo_v4.errors import DataError, SpecError
from yolo_v4.spec.conversion import Conversion

SEED = 42  # TAO's; its "random" split goes by name, and shuffles the frames of each fold
KITTI = "kitti_converter_lib"
VALIDATION_NOTE = (
    "Validation data in partition 0. "
    "Hence, while choosing the validationset during training choose validation_fold 0."
)


def partition(conversion: Conversion, narrator: Narrator) -> list[list[str]]:
    """Names (stems) of the frames of each fold, in the order in which they are written, without empty folds.

    Raises SpecError: a value of the spec that TAO refuses.
    Raises DataError: the folder of images or the sequence file cannot be read.
    Source: TAO 5.0, `cv/detectnet_v2/dataio/kitti_converter_lib.py`.
    """
    narrator.debug(KITTI, "Generating partitions")
    narrator.status.write("RUNNING", "Generating partitions")
    shuffler = random.Random(SEED)
    if conversion.partition_mode == "random":
        folds = _by_name(conversion, narrator)
        # Each fold is shuffled again when it is written; the order of TAO's records needs both.
        for fold in folds:
            shuffler.shuffle(fold)
    elif conversion.partition_mode == "sequence":
        folds = _by_sequence(conversion, narrator)
    else:
        raise SpecError(
            "Unknown partition mode. Please stick to either random or sequence"
            f' (partition_mode is "{conversion.partition_mode}")',
            remedy='set partition_mode: "random"',
        )
    folds = [fold for fold in folds if fold]
    for fold in folds:
        shuffler.shuffle(fold)
    return folds


def shards(frames: Sequence[str], count: int) -> list[Sequence[str]]:
    """Divide frames into `count` parts of equal length, the last with the remainder; 0 counts as 1."""
    count = max(count, 1)
    size = len(frames) // count
    starts = [index * size for index in range(count)]
    ends = [*starts[1:], len(frames)]
    return [frames[start:end] for start, end in zip(starts, ends, strict=True)]


def _by_name(conversion: Conversion, narrator: Narrator) -> list[list[str]]:
    if conversion.partitions != 2:
        raise SpecError(
            f"Invalid number of partitions ({conversion.partitions}) for random split mode.",
            remedy='set num_partitions: 2 (validation and training), or partition_mode: "sequence"',
        )
    if not 0 <= conversion.val_split_pct < 100:
        raise SpecError(
            "Validation split must satisfy the criteria, 0 <= val_split < 100. "
            f"(It is {conversion.val_split_pct:g}.)",
            remedy="set val_split to a percentage below 100",
        )
    pictures = list_pictures(
        conversion.root / conversion.image_folder,
        conversion.image_extension,
        remedy="correct root_directory_path and image_dir_name",
    )
    frames = [path.stem for path in pictures]
    val_split = conversion.val_split_pct / 100
    narrator.debug(KITTI, f"Validation percentage: {val_split}")
    count = int(val_split * len(frames))
    text = f"Num images in\nTrain: {len(frames) - count}\tVal: {count}"
    narrator.tell(KITTI, text, kpi={"num_images": len(frames)})
    if val_split > 0:
        narrator.tell(KITTI, VALIDATION_NOTE)
    else:
        narrator.log(KITTI, "Skipped validation data...")
        narrator.status.write("RUNNING", "Skipped validation data.")
    return [frames[:count], frames[count:]]


def _by_sequence(conversion: Conversion, narrator: Narrator) -> list[list[str]]:
    if not conversion.sequence_file:
        raise SpecError(
            "Kitti sequence to frames file is required for sequence wise paritioning. "
            "Please set this as the relative path to the file from `root_directory_path`",
            remedy="set kitti_sequence_to_frames_file in the spec",
        )
    sequences = _read_sequences(conversion.root / conversion.sequence_file)
    folds: list[list[str]] = [[] for _ in range(max(conversion.partitions, 1))]
    names = list(sequences)  # a single fold keeps the order of the file
    if len(folds) > 1:
        names.sort(key=lambda name: (-len(sequences[name]), name))
    for index, name in enumerate(names):
        folds[index % len(folds)].extend(sequences[name])
    count = sum(map(len, folds))
    narrator.status.write("RUNNING", f"Total number of images: {count}", kpi={"num_images": count})
    return folds[::-1]


def _read_sequences(path: Path) -> dict[str, list[str]]:
    try:
        sequences = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"cannot read the sequence file: {error}", remedy="correct its path in the spec"
        ) from error
    except ValueError as error:
        raise DataError(
            f"{path} is not JSON: {error}", remedy='write {"sequence": ["frame", ...], ...}'
        ) from error
    if not isinstance(sequences, dict) or not all(isinstance(frames, list) for frames in sequences.values()):
        raise DataError(f"{path} is not a map of lists", remedy='write {"sequence": ["frame", ...], ...}')
    return {name: [str(frame) for frame in frames] for name, frames in sequences.items()}
