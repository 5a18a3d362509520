"""Experiment specs from TAO's protobuf text: parsed, checked as NVIDIA's loader does, and made into frozen values.

What TAO accepts here and fails on a moment later (anchors that are not a list, a network that cannot be built, a class
mapped to nothing) is refused here too, with its line of reason; see docs/seam.md.
"""

import ast
import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from yolo_v4.errors import SpecError
from yolo_v4.spec import experiment as ours
from yolo_v4.spec import experiment_pb2
from yolo_v4.spec.checks import check_message
from yolo_v4.spec.text import merge_text, read_text

RESNET_LAYERS = (10, 18, 34, 50)
DEFAULT_MEAN_BGR = (103.939, 116.779, 123.68)
DEFAULT_MEAN_GRAY = 117.3786
SCALES = ("big", "mid", "small")
REGULARIZERS = ("none", "l1", "l2")
MODES = ("sample", "integrate")
_SCHEDULES = {"soft_start_cosine_annealing_schedule": "cosine", "soft_start_annealing_schedule": "annealing"}
Value = TypeVar("Value")
Refuse = Callable[[str, str], SpecError]  # found, remedy -> the error for one spec file


def load_experiment(path: Path) -> ours.Experiment:
    """Read an experiment spec.

    Raises SpecError: the file cannot be read, parsed, is refused by NVIDIA's rules, or asks for what is not built here.
    """
    message = parse_experiment(read_text(path), where=str(path))
    return _experiment(message, lambda found, remedy: SpecError(f"{found} (in {path})", remedy=remedy))


def parse_experiment(text: str, *, where: str) -> Any:
    """The `Experiment` message in `text`, accepted or refused exactly as NVIDIA's loader does.

    Raises SpecError: with NVIDIA's words; parse errors start with `line:column`.
    """
    message = experiment_pb2.Experiment()
    merge_text(text, message, where=where)
    check_message(message, where=where)
    return message


def data_path(path: str) -> Path:
    """Where a path of a spec leads: absolute as it is, else below $DATA_BASE_PATH, else below the current folder."""
    return Path(os.environ.get("DATA_BASE_PATH", "")) / path


def _experiment(message: Any, refuse: Refuse) -> ours.Experiment:
    dataset = _dataset(message.dataset_config, refuse)
    classes = tuple(sorted(set(dataset.class_mapping.values())))
    weights = {
        name.lower(): weight for name, weight in message.class_weighting_config.class_weighting.items()
    }
    for name in weights:
        if name not in classes:
            raise refuse(
                f'class_weighting_config weighs "{name}", which is no target class',
                f"use the target classes of target_class_mapping: {', '.join(classes)}",
            )
    if message.nms_config.top_k == 0:
        raise refuse("top_k in nms_config is 0, under which nothing would be found", "set top_k: 200")
    return ours.Experiment(
        classes=classes,
        class_weights=tuple(weights.get(name, 1.0) for name in classes),
        auto_class_weights=message.class_weighting_config.enable_auto,
        dataset=dataset,
        augmentation=_augmentation(message.augmentation_config, refuse),
        training=_training(message.training_config, refuse),
        evaluation=_evaluation(message.eval_config, refuse),
        nms=fill(ours.Nms, message.nms_config),
        network=_network(message.yolov4_config, refuse),
        random_seed=message.random_seed,
    )


def _dataset(config: Any, refuse: Refuse) -> ours.DatasetSpec:
    mapping: dict[str, str] = {}
    for source, target in sorted(config.target_class_mapping.items()):
        if not source or not target:
            raise refuse(
                f'target_class_mapping maps "{source}" to "{target}": a class without a name',
                'give every target_class_mapping a key and a value: key: "car" value: "car"',
            )
        if mapping.setdefault(source.lower(), target.lower()) != target.lower():
            raise refuse(
                f'target_class_mapping maps "{source.lower()}" to two targets; class names are lower-cased',
                f'keep one entry for "{source.lower()}"',
            )
    return ours.DatasetSpec(
        train=tuple(_source(source, "data_sources", refuse) for source in config.data_sources),
        validation=tuple(
            _source(s, "validation_data_sources", refuse) for s in config.validation_data_sources
        ),
        validation_fold=config.validation_fold,
        class_mapping=mapping,
        image_extension=config.image_extension.removeprefix("."),
        include_difficult=config.include_difficult_in_training,
    )


def _source(config: Any, field: str, refuse: Refuse) -> ours.Source:
    kind = config.WhichOneof("labels_format")
    if kind is None or not getattr(config, kind):
        raise refuse(f"{field} names no labels", "give it tfrecords_path or label_directory_path")
    if not config.image_directory_path:
        raise refuse(f"{field} names no image_directory_path", "give the folder that holds its images")
    images = data_path(config.image_directory_path)
    if kind == "tfrecords_path":
        return ours.Source(images=images, tfrecords=str(data_path(config.tfrecords_path)))
    return ours.Source(images=images, labels=data_path(config.label_directory_path))


# Our names of fields that are called otherwise in TAO's messages; all others have TAO's.
_PAIRS = """
image_folder=image_dir_name label_folder=label_dir_name partitions=num_partitions val_split_pct=val_split
shards=num_shards sequence_file=kitti_sequence_to_frames_file
width=output_width height=output_height channels=output_channel shape_period=randomize_input_shape_period
batch_size=batch_size_per_gpu epochs=num_epochs quantisation_aware=enable_qat ema=model_ema
iou_threshold=clustering_iou_threshold matching_iou=matching_iou_threshold
plot_precision_recall=visualize_pr_curve layers=nlayers conv_blocks=arch_conv_blocks
neutral_box_iou=matching_neutral_box_iou location_weight=loss_loc_weight
negative_objectness_weight=loss_neg_obj_weights class_weight=loss_class_weights focal_alpha=focal_loss_alpha
focal_gamma=focal_loss_gamma
"""
TAO_NAMES = dict(pair.split("=") for pair in _PAIRS.split())


def fill(cls: type[Value], config: Any, **own: Any) -> Value:
    """A value of ours from a message: what is not given has the message's field of the same or TAO's name."""
    known = config.DESCRIPTOR.fields_by_name
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # any dataclass
        name = TAO_NAMES.get(field.name, field.name)
        name = name if name in known else field.name
        if field.name not in own and name in known:
            own[field.name] = getattr(config, name)
    return cls(**own)


def _augmentation(config: Any, refuse: Refuse) -> ours.Augmentation:
    if config.output_depth == 16:
        raise refuse(
            "output_depth is 16, which is not built here", "leave it out: 16-bit pictures are read as 8 bits"
        )
    channels, default = (
        ("bgr", DEFAULT_MEAN_BGR) if config.output_channel == 3 else ("l", (DEFAULT_MEAN_GRAY,))
    )
    mean = config.image_mean
    return fill(
        ours.Augmentation, config, mean=tuple(mean[channel] for channel in channels) if mean else default
    )


def _training(config: Any, refuse: Refuse) -> ours.Training:
    kind, weight = config.regularizer.type, config.regularizer.weight
    if kind >= len(REGULARIZERS):
        raise refuse(f"regularizer has type {kind}", "use NO_REG, L1 or L2")
    return fill(
        ours.Training,
        config,
        schedule=_schedule(config.learning_rate),
        optimizer=_optimizer(config.optimizer),
        regularizer=REGULARIZERS[kind],
        regularizer_weight=weight,
        resume_path=_path(config.resume_model_path),
        pretrain_path=_path(config.pretrain_model_path),
        pruned_path=_path(config.pruned_model_path),
        early_stopping=fill(ours.EarlyStopping, config.early_stopping)
        if config.HasField("early_stopping")
        else None,
        visualizer_images=config.visualizer.num_images if config.visualizer.enabled else None,
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _schedule(config: Any) -> ours.Schedule:
    name = config.WhichOneof("lr_config")
    chosen = getattr(config, name or "soft_start_annealing_schedule")
    annealing = {} if name == "soft_start_annealing_schedule" else {"annealing": 0.0}
    return fill(ours.Schedule, chosen, kind=_SCHEDULES.get(name, "none"), **annealing)


def _optimizer(config: Any) -> ours.OptimizerSpec:
    name = config.WhichOneof("optimizer")
    return (
        fill(ours.OptimizerSpec, getattr(config, name), kind=name)
        if name
        else ours.OptimizerSpec(kind="none")
    )


def _evaluation(config: Any, refuse: Refuse) -> ours.Evaluation:
    if config.average_precision_mode >= len(MODES):
        raise refuse(f"average_precision_mode is {config.average_precision_mode}", "use SAMPLE or INTEGRATE")
    return fill(ours.Evaluation, config, mode=MODES[config.average_precision_mode])


def _network(config: Any, refuse: Refuse) -> ours.NetworkSpec:
    if config.arch != "resnet" or config.nlayers not in RESNET_LAYERS:
        raise refuse(
            f'yolov4_config asks for arch "{config.arch}" with nlayers {config.nlayers}, which is not built here',
            f'use arch: "resnet" with nlayers {", ".join(map(str, RESNET_LAYERS))}',
        )
    anchors = {f"{scale}_anchor_shape": getattr(config, f"{scale}_anchor_shape") for scale in SCALES}
    return fill(
        ours.NetworkSpec,
        config,
        anchors=tuple(_anchors(text, field, refuse) for field, text in anchors.items()),
        grid_xy_extend=tuple(getattr(config, f"{scale}_grid_xy_extend") for scale in SCALES),
        freeze_blocks=tuple(int(block) for block in config.freeze_blocks),
    )


def _anchors(text: str, field: str, refuse: Refuse) -> tuple[ours.Anchor, ...]:
    try:
        pairs = tuple((float(width), float(height)) for width, height in ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pairs = ()
    if not pairs or not all(0.0 < side < math.inf for pair in pairs for side in pair):
        raise refuse(
            f'{field} is "{text}", expected a list of positive (width, height) in pixels of the network input',
            f'{field}: "[(10.0, 20.0), (30.0, 60.0), (90.0, 60.0)]"; `yolo_v4 kmeans` finds good ones',
        )
    return pairs
