"""The checks of NVIDIA's spec loader, in its order and with its messages.

Source: TAO 5.0, `cv/yolo_v4/utils/spec_loader.py` and `cv/common/utils.py`.
Numbers are stored as float32 and compared as float64, so 0.3 itself lies outside [0, 0.3], as in TAO.
"""

import re
from collections.abc import Iterator
from typing import Any

from yolo_v4.errors import SpecError

Verdict = tuple[bool, str]  # whether a check passed, and the message if it did not


def check_message(spec: Any, *, where: str) -> None:
    """Refuse an `Experiment` message that NVIDIA's spec loader refuses.

    Raises SpecError: a check fails; has NVIDIA's message for the first one, and the file.
    """
    for part in (_dataset, _augmentation, _training_and_evaluation, _network, _early_stopping):
        for holds, complaint in part(spec):
            if not holds:
                missing = _not_set(spec, complaint)
                first = f"{missing}, or 0: set it" if missing else "correct it"
                raise SpecError(
                    f"{complaint} (in {where})", remedy=f"{first} in {where}; docs/seam.md lists every field"
                )


def _not_set(spec: Any, complaint: str) -> str:
    """The field that a complaint names, where the spec has no value for it, or ""."""
    words = re.findall(r"\w+", complaint)
    for block, part in spec.ListFields():
        if block.message_type is None or not hasattr(part, "ListFields"):
            continue
        known = {field.name for field in block.message_type.fields}
        unset = known - {field.name for field, _ in part.ListFields()}
        for word in words:
            if word in unset:
                return f"{word} is not set in {block.name}"
    return ""


def _dataset(spec: Any) -> Iterator[Verdict]:
    dataset = spec.dataset_config
    yield len(dataset.target_class_mapping) > 0, "Please specify target_class_mapping"
    yield len(dataset.data_sources) > 0, "Please specify training data sources"
    for split, sources in (
        ("training", dataset.data_sources),
        ("validation", dataset.validation_data_sources),
    ):
        kinds = [source.WhichOneof("labels_format") for source in sources]
        yield (
            len(set(kinds)) < 2,
            f"Label format should be identical for all {split} data sources. Got {kinds}",
        )
        complaint = (
            f"`image_extension` should be specified in `dataset_config` if {split}  label format is TFRecord."
        )
        yield dataset.image_extension != "" or "tfrecords_path" not in kinds, complaint
    are_records = dataset.data_sources[0].WhichOneof("labels_format") == "tfrecords_path"
    complaint = (
        "Validation dataset specified by `validation_fold` "
        "requires the training label format to be TFRecords."
    )
    yield are_records or len(dataset.validation_data_sources) > 0, complaint


def _augmentation(spec: Any) -> Iterator[Verdict]:
    config = spec.augmentation_config
    yield config.output_channel in (1, 3), "output_channel must be either 1 or 3."
    yield from _picture(config, spec.dataset_config.image_extension)
    yield 0.0 <= config.hue <= 1.0, "hue must be within [0, 1]"
    for name in ("saturation", "exposure"):
        yield getattr(config, name) >= 1.0, f"{name} must be at least 1.0"
    for name in ("vertical_flip", "horizontal_flip", "jitter"):
        yield 0.0 <= getattr(config, name) <= 1.0, f"{name} must be within [0, 1]"
    for name, size in (("width", config.output_width), ("height", config.output_height)):
        yield size >= 32, f"{name} must be at least 32"
        yield size % 32 == 0, f"{name} must be multiple of 32"
    yield config.randomize_input_shape_period >= 0, "randomize_input_shape_period should be non-negative"
    yield 0.0 <= config.mosaic_prob <= 1.0, "mosaic_prob must be within [0, 1]"
    yield 0.0 < config.mosaic_min_ratio < 0.5, "mosaic_min_ratio must be within (0, 0.5)"


def _picture(config: Any, extension: str) -> Iterator[Verdict]:
    depth = config.output_depth or 8
    mean = config.image_mean
    if config.output_channel == 3:
        complaint = "'r', 'g', 'b' should all be present in image_mean for images with 3 channels."
        yield not mean or all(channel in mean for channel in "rgb"), complaint
        yield depth == 8, f"RGB images can only support 8-bit depth, got {depth}"
        return
    yield not mean or "l" in mean, "'l' should be present in image_mean for images with 1 channel."
    yield depth in (8, 16), f"Grayscale images can only support 8-bit or 16-bit depth, got {depth}"
    yield (
        depth == 8 or extension in ("png", "PNG"),
        f"16-bit images can only be PNG(png) format, got {extension}",
    )


def _training_and_evaluation(spec: Any) -> Iterator[Verdict]:
    config = spec.training_config
    yield config.batch_size_per_gpu > 0, "batch size must be positive"
    yield config.num_epochs > 0, "number of training batchs must be positive"
    yield config.checkpoint_interval > 0, "checkpoint interval must be positive"
    yield spec.eval_config.batch_size > 0, "batch size must be positive"
    yield 0.0 < spec.eval_config.matching_iou_threshold <= 1.0, "matching_iou_threshold must be within (0, 1]"
    yield (
        0.0 < spec.nms_config.clustering_iou_threshold <= 1.0,
        "clustering_iou_threshold must be within (0, 1]",
    )


def _network(spec: Any) -> Iterator[Verdict]:
    config = spec.yolov4_config
    tiny = config.arch == "cspdarknet_tiny"
    yield 0.0 < config.box_matching_iou <= 1.0, "box_matching_iou must be within (0, 1]"
    yield 0.25 < config.matching_neutral_box_iou <= 1.0, "matching_neutral_box_iou must be within (0.25, 1]"
    weights = (config.loss_loc_weight, config.loss_neg_obj_weights, config.loss_class_weights)
    yield all(weight >= 0.0 for weight in weights), "all loss weights must be non-negative"
    yield 0.0 <= config.label_smoothing <= 0.3, "label_smoothing must be within [0, 0.3]"
    complaint = "focal_loss_alpha must be within (0.0, 1.0) or 0.0(focal loss disabled)."
    yield 0.0 <= config.focal_loss_alpha < 1.0, complaint
    yield config.focal_loss_gamma >= 0.0, "focal_loss_gamma must be at least 0.0"
    for scale in ("big", "mid") if tiny else ("big", "mid", "small"):
        yield (
            getattr(config, f"{scale}_anchor_shape") != "",
            f"`{scale}_anchor_shape` is not provided in spec file.",
        )
    complaint = "`small_anchor_shape` is not supported by `cspdarknet_tiny` backbone."
    yield config.small_anchor_shape == "" or not tiny, complaint
    for name in ("big_grid_xy_extend", "mid_grid_xy_extend"):
        yield 0.0 <= getattr(config, name) <= 0.3, f"{name} must be within [0, 0.3]"
    complaint = "must be within [0, 0.3]" if not tiny else "is not support by `cspdarknet_tiny` backbone."
    yield 0.0 <= config.small_grid_xy_extend <= (0.0 if tiny else 0.3), f"`small_grid_xy_extend` {complaint}"


def _early_stopping(spec: Any) -> Iterator[Verdict]:
    stopping = spec.training_config.early_stopping
    if spec.training_config.HasField("early_stopping"):
        yield stopping.monitor == "loss", f"Only `loss` is supported monitor, got {stopping.monitor}"
        yield not stopping.min_delta < 0.0, f"`min_delta` should be non-negative, got {stopping.min_delta}"
        yield stopping.patience > 0, f"`patience` should be positive, got {stopping.patience}"
