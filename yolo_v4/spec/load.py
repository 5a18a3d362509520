"""Experiment specs from TAO's protobuf text: parsed, checked as NVIDIA's loader does, and made into frozen values.

What TAO accepts here and fails on a moment later (anchors that are not a list, a network that cannot be built, a class
mapped to nothing) is refused here too, with its line of reason; see docs/seam.md.
"""

import ast
import math
import os
from pathlib import Path
from typing import Any, Literal, cast

from yolo_v4.errors import SpecError
from yolo_v4.spec import experiment_pb2
from yolo_v4.spec.checks import check_message
from yolo_v4.spec.experiment import (
    Anchor,
    Augmentation,
    DatasetSpec,
    EarlyStopping,
    Evaluation,
    Experiment,
    NetworkSpec,
    Nms,
    OptimizerSpec,
    Schedule,
    Source,
    Training,
)
from yolo_v4.spec.text import merge_text, read_text

RESNET_LAYERS = (10, 18, 34, 50)
DEFAULT_MEAN_BGR = (103.939, 116.779, 123.68)
DEFAULT_MEAN_GRAY = 117.3786
_SCHEDULES: dict[str | None, Literal["cosine", "annealing", "none"]] = {
    "soft_start_cosine_annealing_schedule": "cosine",
    "soft_start_annealing_schedule": "annealing",
    None: "none",
}


def load_experiment(path: Path) -> Experiment:
    """Read an experiment spec.

    Raises:
        SpecError: the file cannot be read, parsed, is refused by NVIDIA's rules, or asks for what is not built here.
    """
    return _experiment(parse_experiment(read_text(path), where=str(path)), _Refusal(path))


def parse_experiment(text: str, *, where: str) -> Any:
    """The `Experiment` message in `text`, accepted or refused exactly as NVIDIA's loader does.

    Raises:
        SpecError: with NVIDIA's words; parse errors start with `line:column`.
    """
    message = experiment_pb2.Experiment()
    merge_text(text, message, where=where)
    check_message(message, where=where)
    return message


def data_path(path: str) -> Path:
    """Where a path of a spec leads: absolute as it is, else below $DATA_BASE_PATH, else below the current folder."""
    return Path(os.environ.get("DATA_BASE_PATH", "")) / path


class _Refusal:
    """Makes the error for one spec file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, found: str, *, remedy: str) -> SpecError:
        return SpecError(f"{found} (in {self._path})", remedy=remedy)


def _experiment(message: Any, refuse: _Refusal) -> Experiment:
    dataset = _dataset(message.dataset_config, refuse)
    classes = tuple(sorted(set(dataset.class_mapping.values())))
    weights = {name.lower(): weight for name, weight in message.class_weighting_config.class_weighting.items()}
    for name in weights:
        if name not in classes:
            raise refuse(
                f'class_weighting_config weighs "{name}", which is no target class',
                remedy=f"use the target classes of target_class_mapping: {', '.join(classes)}",
            )
    return Experiment(
        classes=classes,
        class_weights=tuple(weights.get(name, 1.0) for name in classes),
        auto_class_weights=message.class_weighting_config.enable_auto,
        dataset=dataset,
        augmentation=_augmentation(message.augmentation_config),
        training=_training(message.training_config, refuse),
        evaluation=_evaluation(message.eval_config, refuse),
        nms=_nms(message.nms_config),
        network=_network(message.yolov4_config, refuse),
        random_seed=message.random_seed,
    )


def _dataset(config: Any, refuse: _Refusal) -> DatasetSpec:
    mapping: dict[str, str] = {}
    for source, target in sorted(config.target_class_mapping.items()):
        if not source or not target:
            raise refuse(
                f'target_class_mapping maps "{source}" to "{target}": a class without a name',
                remedy='give every target_class_mapping a key and a value: key: "car" value: "car"',
            )
        if mapping.setdefault(source.lower(), target.lower()) != target.lower():
            raise refuse(
                f'target_class_mapping maps "{source.lower()}" to two targets; class names are lower-cased',
                remedy=f'keep one entry for "{source.lower()}"',
            )
    return DatasetSpec(
        train=tuple(_source(source, "data_sources", refuse) for source in config.data_sources),
        validation=tuple(_source(s, "validation_data_sources", refuse) for s in config.validation_data_sources),
        validation_fold=config.validation_fold,
        class_mapping=mapping,
        image_extension=config.image_extension.removeprefix("."),
        include_difficult=config.include_difficult_in_training,
    )


def _source(config: Any, field: str, refuse: _Refusal) -> Source:
    kind = config.WhichOneof("labels_format")
    if kind is None or not getattr(config, kind):
        raise refuse(f"{field} names no labels", remedy="give it tfrecords_path or label_directory_path")
    if not config.image_directory_path:
        raise refuse(f"{field} names no image_directory_path", remedy="give the folder that holds its images")
    images = data_path(config.image_directory_path)
    if kind == "tfrecords_path":
        return Source(images=images, tfrecords=str(data_path(config.tfrecords_path)))
    return Source(images=images, labels=data_path(config.label_directory_path))


def _augmentation(config: Any) -> Augmentation:
    mean, depth = config.image_mean, config.output_depth or 8
    if config.output_channel == 3:
        means = tuple(mean[channel] for channel in "bgr") if mean else DEFAULT_MEAN_BGR
    else:
        means = (mean["l"] if mean else DEFAULT_MEAN_GRAY * (256 if depth == 16 else 1),)
    return Augmentation(
        width=config.output_width,
        height=config.output_height,
        channels=config.output_channel,
        depth=depth,
        mean=means,
        hue=config.hue,
        saturation=config.saturation,
        exposure=config.exposure,
        vertical_flip=config.vertical_flip,
        horizontal_flip=config.horizontal_flip,
        jitter=config.jitter,
        shape_period=config.randomize_input_shape_period,
        mosaic_prob=config.mosaic_prob,
        mosaic_min_ratio=config.mosaic_min_ratio,
    )


def _training(config: Any, refuse: _Refusal) -> Training:
    regularizers: tuple[Literal["none", "l1", "l2"], ...] = ("none", "l1", "l2")
    if config.regularizer.type >= len(regularizers):
        raise refuse(f"regularizer has type {config.regularizer.type}", remedy="use NO_REG, L1 or L2")
    stopping = config.early_stopping if config.HasField("early_stopping") else None
    return Training(
        batch_size=config.batch_size_per_gpu,
        epochs=config.num_epochs,
        checkpoint_interval=config.checkpoint_interval,
        schedule=_schedule(config.learning_rate),
        optimizer=_optimizer(config.optimizer),
        regularizer=regularizers[config.regularizer.type],
        regularizer_weight=config.regularizer.weight,
        resume_path=_path(config.resume_model_path),
        pretrain_path=_path(config.pretrain_model_path),
        pruned_path=_path(config.pruned_model_path),
        quantisation_aware=config.enable_qat,
        early_stopping=stopping and EarlyStopping(min_delta=stopping.min_delta, patience=stopping.patience),
        ema=config.model_ema,
        visualizer=config.visualizer.enabled,
        visualizer_images=config.visualizer.num_images,
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _schedule(config: Any) -> Schedule:
    name = config.WhichOneof("lr_config")
    chosen = getattr(config, name or "soft_start_annealing_schedule")
    return Schedule(
        kind=_SCHEDULES[name],
        min_learning_rate=chosen.min_learning_rate,
        max_learning_rate=chosen.max_learning_rate,
        soft_start=chosen.soft_start,
        annealing=chosen.annealing if name == "soft_start_annealing_schedule" else 0.0,
    )


def _optimizer(config: Any) -> OptimizerSpec:
    name = config.WhichOneof("optimizer")
    if name is None:
        return OptimizerSpec(kind="none")
    chosen = getattr(config, name)
    constants = {field.name: getattr(chosen, field.name) for field in chosen.DESCRIPTOR.fields}
    return OptimizerSpec(kind=cast(Literal["adam", "sgd", "rmsprop"], name), **constants)


def _evaluation(config: Any, refuse: _Refusal) -> Evaluation:
    modes: tuple[Literal["sample", "integrate"], ...] = ("sample", "integrate")
    if config.average_precision_mode >= len(modes):
        raise refuse(f"average_precision_mode is {config.average_precision_mode}", remedy="use SAMPLE or INTEGRATE")
    return Evaluation(
        mode=modes[config.average_precision_mode],
        batch_size=config.batch_size,
        matching_iou=config.matching_iou_threshold,
        plot_precision_recall=config.visualize_pr_curve,
    )


def _nms(config: Any) -> Nms:
    return Nms(
        confidence_threshold=config.confidence_threshold,
        iou_threshold=config.clustering_iou_threshold,
        top_k=config.top_k,
        score_bits=config.infer_nms_score_bits,
    )


def _network(config: Any, refuse: _Refusal) -> NetworkSpec:
    if config.arch != "resnet" or config.nlayers not in RESNET_LAYERS:
        raise refuse(
            f'yolov4_config asks for arch "{config.arch}" with nlayers {config.nlayers}, which is not built here',
            remedy=f'use arch: "resnet" with nlayers {", ".join(map(str, RESNET_LAYERS))}',
        )
    return NetworkSpec(
        arch=config.arch,
        layers=config.nlayers,
        conv_blocks=config.arch_conv_blocks,
        anchors=(
            _anchors(config.big_anchor_shape, "big_anchor_shape", refuse),
            _anchors(config.mid_anchor_shape, "mid_anchor_shape", refuse),
            _anchors(config.small_anchor_shape, "small_anchor_shape", refuse),
        ),
        grid_xy_extend=(config.big_grid_xy_extend, config.mid_grid_xy_extend, config.small_grid_xy_extend),
        box_matching_iou=config.box_matching_iou,
        neutral_box_iou=config.matching_neutral_box_iou,
        location_weight=config.loss_loc_weight,
        negative_objectness_weight=config.loss_neg_obj_weights,
        class_weight=config.loss_class_weights,
        label_smoothing=config.label_smoothing,
        focal_alpha=config.focal_loss_alpha,
        focal_gamma=config.focal_loss_gamma,
        freeze_blocks=tuple(int(block) for block in config.freeze_blocks),
        freeze_bn=config.freeze_bn,
        force_relu=config.force_relu,
    )


def _anchors(text: str, field: str, refuse: _Refusal) -> tuple[Anchor, ...]:
    try:
        pairs = tuple((float(width), float(height)) for width, height in ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pairs = ()
    if not pairs or not all(0.0 < side < math.inf for pair in pairs for side in pair):
        raise refuse(
            f'{field} is "{text}", expected a list of positive (width, height) in pixels of the network input',
            remedy=f'{field}: "[(10.0, 20.0), (30.0, 60.0), (90.0, 60.0)]"; `yolo_v4 kmeans` finds good ones',
        )
    return pairs
