"""What a dataset_convert spec says, as frozen values, and how it is read."""

from dataclasses import dataclass
from pathlib import Path

from yolo_v4.errors import SpecError
from yolo_v4.spec import dataset_convert_pb2
from yolo_v4.spec.load import data_path
from yolo_v4.spec.text import merge_text, read_text

DEFAULT_EXTENSION = ".png"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """One conversion from KITTI label files to TFRecords.

    The values are not checked here: like TAO, `dataset_convert` checks each of them when it is used.
    """

    root: Path
    image_folder: str  # below root; goes into frame/id
    label_folder: str  # below root
    image_extension: str  # with dot
    partition_mode: str  # "random" or "sequence"
    partitions: int
    val_split_pct: float
    shards: int  # 0: one file, without a shard in its name
    sequence_file: str  # JSON file below root: sequence -> frames; "" where there is none


def load_conversion(path: Path) -> Conversion:
    """Read a dataset_convert spec.

    Raises SpecError: the file cannot be read or parsed, or asks for what is not built here.
    """
    message = dataset_convert_pb2.DatasetExportConfig()
    merge_text(read_text(path), message, where=str(path))
    if message.WhichOneof("convert_config_type") != "kitti_config":
        raise SpecError(
            f"{path} has no kitti_config, the one kind of data set that is converted here",
            remedy="describe a KITTI data set: kitti_config { root_directory_path: ... }; "
            "coco_config is not supported",
        )
    config = message.kitti_config
    unsupported = [name for name in ("point_clouds_dir", "calibrations_dir") if getattr(config, name)]
    if message.HasField("sample_modifier_config"):
        unsupported.append("sample_modifier_config")
    if unsupported:
        name = unsupported[0]
        raise SpecError(f"{name} is not supported (in {path})", remedy=f"remove {name} from {path}")
    return Conversion(
        root=data_path(config.root_directory_path),
        image_folder=config.image_dir_name,
        label_folder=config.label_dir_name,
        image_extension=config.image_extension or DEFAULT_EXTENSION,
        partition_mode=config.partition_mode,
        partitions=config.num_partitions,
        val_split_pct=config.val_split,
        shards=config.num_shards,
        sequence_file=config.kitti_sequence_to_frames_file,
    )
