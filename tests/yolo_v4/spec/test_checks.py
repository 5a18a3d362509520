"""What NVIDIA's spec loader (TAO 5.0, `cv/yolo_v4/utils/spec_loader.py`) demands: its words, in its order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from yolo_v4.errors import SpecError
from yolo_v4.spec.load import parse_experiment

WriteSpec = Callable[..., Path]

# Text for the end of a spec, where it outdoes what stands before, and the words of the loader; in the
# loader's order.
FAULTS = [
    ("augmentation_config { output_channel: 2 }", "output_channel must be either 1 or 3."),
    (
        'augmentation_config { image_mean { key: "r" value: 1 } }',
        "'r', 'g', 'b' should all be present in image_mean for images with 3 channels.",
    ),
    ("augmentation_config { output_depth: 16 }", "RGB images can only support 8-bit depth, got 16"),
    ("augmentation_config { hue: 2 }", "hue must be within [0, 1]"),
    ("augmentation_config { saturation: 0.5 }", "saturation must be at least 1.0"),
    ("augmentation_config { exposure: 0.5 }", "exposure must be at least 1.0"),
    ("augmentation_config { vertical_flip: 2 }", "vertical_flip must be within [0, 1]"),
    ("augmentation_config { horizontal_flip: 2 }", "horizontal_flip must be within [0, 1]"),
    ("augmentation_config { jitter: 2 }", "jitter must be within [0, 1]"),
    ("augmentation_config { output_width: 48 }", "width must be multiple of 32"),
    ("augmentation_config { output_height: 16 }", "height must be at least 32"),
    (
        "augmentation_config { randomize_input_shape_period: -1 }",
        "randomize_input_shape_period should be non-negative",
    ),
    ("augmentation_config { mosaic_prob: 2 }", "mosaic_prob must be within [0, 1]"),
    ("augmentation_config { mosaic_min_ratio: 0.5 }", "mosaic_min_ratio must be within (0, 0.5)"),
    ("training_config { num_epochs: 0 }", "number of training batchs must be positive"),
    ("training_config { checkpoint_interval: 0 }", "checkpoint interval must be positive"),
    ("eval_config { batch_size: 0 }", "batch size must be positive"),
    ("eval_config { matching_iou_threshold: 0 }", "matching_iou_threshold must be within (0, 1]"),
    ("nms_config { clustering_iou_threshold: 0 }", "clustering_iou_threshold must be within (0, 1]"),
    ("yolov4_config { box_matching_iou: 0 }", "box_matching_iou must be within (0, 1]"),
    ("yolov4_config { matching_neutral_box_iou: 0 }", "matching_neutral_box_iou must be within (0.25, 1]"),
    ("yolov4_config { loss_loc_weight: -1 }", "all loss weights must be non-negative"),
    ("yolov4_config { label_smoothing: 0.5 }", "label_smoothing must be within [0, 0.3]"),
    (
        "yolov4_config { focal_loss_alpha: 1 }",
        "focal_loss_alpha must be within (0.0, 1.0) or 0.0(focal loss disabled).",
    ),
    ("yolov4_config { focal_loss_gamma: -1 }", "focal_loss_gamma must be at least 0.0"),
    ('yolov4_config { big_anchor_shape: "" }', "`big_anchor_shape` is not provided in spec file."),
    ('yolov4_config { mid_anchor_shape: "" }', "`mid_anchor_shape` is not provided in spec file."),
    ('yolov4_config { small_anchor_shape: "" }', "`small_anchor_shape` is not provided in spec file."),
    ("yolov4_config { big_grid_xy_extend: 0.5 }", "big_grid_xy_extend must be within [0, 0.3]"),
    ("yolov4_config { mid_grid_xy_extend: 0.5 }", "mid_grid_xy_extend must be within [0, 0.3]"),
    ("yolov4_config { small_grid_xy_extend: 0.5 }", "`small_grid_xy_extend` must be within [0, 0.3]"),
    ('training_config { early_stopping { monitor: "mAP" } }', "Only `loss` is supported monitor, got mAP"),
]
FOLDER = '{ label_directory_path: "labels" image_directory_path: "images" }'
SHARDS = '{ tfrecords_path: "records*" image_directory_path: "images" }'
NO_EXTENSION = "`image_extension` should be specified in `dataset_config` if"
GOT_THREE = "Got ['label_directory_path', 'label_directory_path', 'tfrecords_path']"


@pytest.mark.parametrize("right", range(len(FAULTS)))
def test_of_many_faults_the_one_that_nvidias_loader_meets_first_is_named(
    write_spec: WriteSpec, right: int
) -> None:
    text = "\n".join([write_spec().read_text(), *(fault for fault, _ in FAULTS[right:])])
    assert _refusal(text) == FAULTS[right][1]


@pytest.mark.parametrize(
    ("sources", "complaint"),
    [
        ("", "Please specify training data sources"),
        (
            f"data_sources {FOLDER} data_sources {FOLDER} data_sources {SHARDS}",
            f"Label format should be identical for all training data sources. {GOT_THREE}",
        ),
        (f"data_sources {SHARDS}", f"{NO_EXTENSION} training  label format is TFRecord."),
        (
            f"data_sources {FOLDER}"
            + f" validation_data_sources {FOLDER}" * 2
            + f" validation_data_sources {SHARDS}",
            f"Label format should be identical for all validation data sources. {GOT_THREE}",
        ),
        (
            f"data_sources {FOLDER} validation_data_sources {SHARDS}",
            f"{NO_EXTENSION} validation  label format is TFRecord.",
        ),
        (
            f"data_sources {FOLDER}",
            "Validation dataset specified by `validation_fold` "
            "requires the training label format to be TFRecords.",
        ),
    ],
)
def test_sources_that_do_not_go_together_are_refused(
    write_spec: WriteSpec, sources: str, complaint: str
) -> None:
    lines = [line for line in write_spec().read_text().splitlines() if "data_sources" not in line]
    faults = (fault for fault, _ in FAULTS)  # all of them come after the data set's
    assert _refusal("\n".join([*lines, f"dataset_config {{ {sources} }}", *faults])) == complaint


def test_pictures_of_16_bits_end_in_png_in_small_or_large_letters(write_spec: WriteSpec) -> None:
    text = write_spec().read_text() + "augmentation_config { output_channel: 1 output_depth: 16 }\n"
    for extension in ("png", "PNG"):
        parse_experiment(f'{text} dataset_config {{ image_extension: "{extension}" }}', where="spec.txt")
    complaint = "16-bit images can only be PNG(png) format, got Png"
    assert _refusal(text + 'dataset_config { image_extension: "Png" }') == complaint


def _refusal(text: str) -> str:
    with pytest.raises(SpecError) as refusal:
        parse_experiment(text, where="spec.txt")
    return refusal.value.message.removesuffix(" (in spec.txt)")


def test_a_field_that_is_not_set_is_named_as_not_set(write_spec: WriteSpec) -> None:
    spec = write_spec()
    text = spec.read_text().replace("matching_neutral_box_iou: 0.5", "")

    with pytest.raises(SpecError, match="matching_neutral_box_iou must be within") as caught:
        parse_experiment(text, where="spec.txt")

    assert caught.value.remedy.startswith(
        "matching_neutral_box_iou is not set in yolov4_config, or 0: set it"
    )
