"""Read experiment specs: parse TAO's protobuf text, check it as NVIDIA's loader does, make dataclasses of it.

TAO's loader accepts some specs on which TAO fails a moment later: anchors that are not a list, a network that
cannot be built, a class mapped to nothing. They are refused here, with the reason; see docs/seam.md.
"""

import ast
import math
import os
from pathlib import Path
from typing import Any, Literal

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
from yolo_v4.spec.extension import Refuse, read_extension
from yolo_v4.spec.own_checks import check_own
from yolo_v4.spec.text import merge_text, read_text

RESNET_LAYERS = (10, 18, 34, 50)
DEFAULT_MEAN_BGR = (103.939, 116.779, 123.68)
DEFAULT_MEAN_GRAY = 117.3786
REGULARIZERS: tuple[Literal["none", "l1", "l2"], ...] = (
    "none",
    "l1",
    "l2",
)  # in the order of the enumeration
MODES: tuple[Literal["sample", "integrate"], ...] = ("sample", "integrate")  # likewise


def load_experiment(path: Path) -> Experiment:
    """Read an experiment spec.

    Raises SpecError: the file cannot be read or parsed, is refused by NVIDIA's rules, or asks for what is not
    built here.
    """
    message = parse_experiment(read_text(path), where=str(path))
    return _experiment(message, lambda found, remedy: SpecError(f"{found} (in {path})", remedy=remedy))


def parse_experiment(text: str, *, where: str) -> Any:
    """The `Experiment` message in `text`, accepted or refused exactly as NVIDIA's loader does.

    The extension, which that loader does not know, is left out of account.
    Raises SpecError: with NVIDIA's words; parse errors start with `line:column`.
    """
    message = experiment_pb2.Experiment()
    merge_text(text, message, where=where)
    check_message(message, where=where)
    return message


def data_path(path: str) -> Path:
    """Resolve a path of a spec: absolute, else below $DATA_BASE_PATH where that is set."""
    return Path(os.environ.get("DATA_BASE_PATH", "")) / path


def _experiment(message: Any, refuse: Refuse) -> Experiment:
    dataset = _dataset(message.dataset_config, refuse)
    classes = tuple(sorted(set(dataset.class_mapping.values())))
    weighting = message.class_weighting_config
    weights = {name.lower(): weight for name, weight in weighting.class_weighting.items()}
    check_own(message, classes, weights, refuse)
    return Experiment(
        classes=classes,
        class_weights=tuple(weights.get(name, 1.0) for name in classes),
        auto_class_weights=weighting.enable_auto,
        dataset=dataset,
        augmentation=_augmentation(message.augmentation_config, refuse),
        training=_training(message.training_config, refuse),
        evaluation=_evaluation(message.eval_config, refuse),
        nms=_nms(message.nms_config),
        network=_network(message.yolov4_config, refuse),
        random_seed=message.random_seed,
        extension=read_extension(message, refuse),
    )


def _dataset(config: Any, refuse: Refuse) -> DatasetSpec:
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
    return DatasetSpec(
        train=tuple(_source(source, "data_sources", refuse) for source in config.data_sources),
        validation=tuple(
            _source(source, "validation_data_sources", refuse) for source in config.validation_data_sources
        ),
        validation_fold=config.validation_fold,
        class_mapping=mapping,
        image_extension=config.image_extension.removeprefix("."),
        include_difficult=config.include_difficult_in_training,
    )


def _source(config: Any, field: str, refuse: Refuse) -> Source:
    kind = config.WhichOneof("labels_format")
    if kind is None or not getattr(config, kind):
        raise refuse(f"{field} names no labels", "give it tfrecords_path or label_directory_path")
    if not config.image_directory_path:
        raise refuse(f"{field} names no image_directory_path", "give the folder that holds its images")
    images = data_path(config.image_directory_path)
    if kind == "tfrecords_path":
        return Source(images=images, tfrecords=str(data_path(config.tfrecords_path)))
    return Source(images=images, labels=data_path(config.label_directory_path))


def _nms(config: Any) -> Nms:
    return Nms(
        confidence_threshold=config.confidence_threshold,
        iou_threshold=config.clustering_iou_threshold,
        top_k=config.top_k,
    )


def _augmentation(config: Any, refuse: Refuse) -> Augmentation:
    if config.output_depth == 16:
        raise refuse(
            "output_depth is 16, which is not built here", "leave it out: 16-bit pictures are read as 8 bits"
        )
    return Augmentation(
        width=config.output_width,
        height=config.output_height,
        channels=config.output_channel,
        mean=_mean(config),
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


def _mean(config: Any) -> tuple[float, ...]:
    """The mean of each channel, b, g, r or grey: NVIDIA's where the spec gives none."""
    is_colour = config.output_channel == 3
    if not config.image_mean:
        return DEFAULT_MEAN_BGR if is_colour else (DEFAULT_MEAN_GRAY,)
    channels = "bgr" if is_colour else "l"
    return tuple(config.image_mean[channel] for channel in channels)


def _training(config: Any, refuse: Refuse) -> Training:
    if config.regularizer.type >= len(REGULARIZERS):
        raise refuse(f"regularizer has type {config.regularizer.type}", "use NO_REG, L1 or L2")
    return Training(
        batch_size=config.batch_size_per_gpu,
        epochs=config.num_epochs,
        checkpoint_interval=config.checkpoint_interval,
        schedule=_schedule(config.learning_rate),
        optimizer=_optimizer(config.optimizer),
        regularizer=REGULARIZERS[config.regularizer.type],
        regularizer_weight=config.regularizer.weight,
        resume_path=_path(config.resume_model_path),
        pretrain_path=_path(config.pretrain_model_path),
        pruned_path=_path(config.pruned_model_path),
        quantisation_aware=config.enable_qat,
        early_stopping=_early_stopping(config),
        ema=config.model_ema,
        visualizer_images=config.visualizer.num_images if config.visualizer.enabled else None,
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _schedule(config: Any) -> Schedule:
    name = config.WhichOneof("lr_config")
    if name == "soft_start_cosine_annealing_schedule":
        cosine = config.soft_start_cosine_annealing_schedule
        return Schedule(
            kind="cosine",
            min_learning_rate=cosine.min_learning_rate,
            max_learning_rate=cosine.max_learning_rate,
            soft_start=cosine.soft_start,
            annealing=0.0,
        )
    annealing = config.soft_start_annealing_schedule  # all its fields are 0 where the spec has no schedule
    return Schedule(
        kind="none" if name is None else "annealing",
        min_learning_rate=annealing.min_learning_rate,
        max_learning_rate=annealing.max_learning_rate,
        soft_start=annealing.soft_start,
        annealing=annealing.annealing,
    )


def _optimizer(config: Any) -> OptimizerSpec:
    kind = config.WhichOneof("optimizer")
    if kind == "adam":
        return OptimizerSpec(
            kind="adam",
            epsilon=config.adam.epsilon,
            beta1=config.adam.beta1,
            beta2=config.adam.beta2,
            amsgrad=config.adam.amsgrad,
        )
    if kind == "sgd":
        return OptimizerSpec(kind="sgd", momentum=config.sgd.momentum, nesterov=config.sgd.nesterov)
    return OptimizerSpec(kind="none" if kind is None else kind)


def _early_stopping(config: Any) -> EarlyStopping | None:
    if not config.HasField("early_stopping"):
        return None
    stopping = config.early_stopping
    return EarlyStopping(min_delta=stopping.min_delta, patience=stopping.patience)


def _evaluation(config: Any, refuse: Refuse) -> Evaluation:
    if config.average_precision_mode >= len(MODES):
        raise refuse(f"average_precision_mode is {config.average_precision_mode}", "use SAMPLE or INTEGRATE")
    return Evaluation(
        mode=MODES[config.average_precision_mode],
        batch_size=config.batch_size,
        matching_iou=config.matching_iou_threshold,
        plot_precision_recall=config.visualize_pr_curve,
    )


def _network(config: Any, refuse: Refuse) -> NetworkSpec:
    if config.arch != "resnet" or config.nlayers not in RESNET_LAYERS:
        raise refuse(
            f'yolov4_config asks for arch "{config.arch}" with nlayers {config.nlayers}, '
            "which is not built here",
            f'use arch: "resnet" with nlayers {", ".join(map(str, RESNET_LAYERS))}',
        )
    return NetworkSpec(
        arch=config.arch,
        layers=config.nlayers,
        conv_blocks=config.arch_conv_blocks,
        anchors=(
            _anchors(config, "big_anchor_shape", refuse),
            _anchors(config, "mid_anchor_shape", refuse),
            _anchors(config, "small_anchor_shape", refuse),
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


def _anchors(config: Any, field: str, refuse: Refuse) -> tuple[Anchor, ...]:
    text = getattr(config, field)
    try:
        pairs = tuple((float(width), float(height)) for width, height in ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pairs = ()
    if not pairs or not all(0.0 < side < math.inf for pair in pairs for side in pair):
        raise refuse(
            f'{field} is "{text}", expected a list of positive (width, height) '
            "in pixels of the network input",
            f'{field}: "[(10.0, 20.0), (30.0, 60.0), (90.0, 60.0)]"; `yolo_v4 kmeans` finds good ones',
        )
    return pairs
