from pathlib import Path

import pytest

from yolo_v4.errors import SpecError
from yolo_v4.spec.conversion import load_conversion

KITTI = 'kitti_config { root_directory_path: "/data" image_dir_name: "images" label_dir_name: "labels" %s }'


def test_unset_values_are_taos_defaults(tmp_path: Path) -> None:
    spec = tmp_path / "spec.txt"
    spec.write_text(KITTI % "")
    conversion = load_conversion(spec)
    assert conversion.root == Path("/data")
    assert conversion.image_extension == ".png"
    assert (conversion.partitions, conversion.shards, conversion.val_split_pct) == (0, 0, 0.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no kitti_config"),
        ('coco_config { root_directory_path: "/data" }', "has no kitti_config"),
        (KITTI % 'point_clouds_dir: "points"', "point_clouds_dir is not supported"),
        (KITTI % 'calibrations_dir: "calib"', "calibrations_dir is not supported"),
        (
            KITTI % "" + " sample_modifier_config { num_duplicates: 2 }",
            "sample_modifier_config is not supported",
        ),
    ],
)
def test_what_is_not_converted_here_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    spec = tmp_path / "spec.txt"
    spec.write_text(text)
    with pytest.raises(SpecError, match=complaint):
        load_conversion(spec)
