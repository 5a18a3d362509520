"""The values of an experiment spec, as frozen dataclasses.

`yolo_v4.spec.load` makes them from TAO's protobuf text and checks them; the rest of the package uses only
these. Ranges are those of NVIDIA's spec loader (TAO 5.0, `cv/yolo_v4/utils/spec_loader.py`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

Anchor = tuple[float, float]
RELEASES = ("3.21", "5.0")  # of TAO, whose networks can be built
KERAS_PADDINGS = ("symmetric", "tensorflow")  # of models of TAO; see yolo_v4.network.padding
STRIDES_PX = (32, 16, 8)  # of the scales big, mid, small
COARSEST_PX = STRIDES_PX[0]  # sides of a network input are multiples of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One pair of images and labels; exactly one of `labels` and `tfrecords` is given."""

    images: Path
    labels: Path | None = None  # folder of KITTI text files
    tfrecords: str | None = None  # glob pattern of record files


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """Sources of frames, and names of classes."""

    train: tuple[Source, ...]
    validation: tuple[Source, ...]  # empty: `validation_fold` of the training records
    validation_fold: int
    class_mapping: Mapping[str, str]  # source class -> target class, lower case
    image_extension: str  # without dot; "" for label folders
    include_difficult: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkInput:
    """What a network is given."""

    width: int  # pixels, multiple of 32
    height: int
    channels: int  # 1 or 3
    mean: tuple[float, ...]  # subtracted from 0..255 pixels, (b, g, r) or (l,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation(NetworkInput):
    """The network input, and the random changes of training frames."""

    hue: float  # 0..1 of the circle, both ways
    saturation: float  # >= 1, factor
    exposure: float  # >= 1, factor
    vertical_flip: float  # probability
    horizontal_flip: float  # probability
    jitter: float  # 0..1 of width and height
    shape_period: int  # iterations between random input shapes; 0: never
    mosaic_prob: float
    mosaic_min_ratio: float  # (0, 0.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Learning rate over the progress 0..1 of the run."""

    kind: Literal["cosine", "annealing", "none"]  # "none": the spec has no schedule, so it cannot train
    min_learning_rate: float
    max_learning_rate: float
    soft_start: float
    annealing: float  # used by "annealing" only


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerSpec:
    """Optimiser and its constants; those of other kinds stay at their defaults."""

    kind: Literal["adam", "sgd", "rmsprop", "none"]  # "none": the spec has no optimiser, so it cannot train
    epsilon: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0
    amsgrad: bool = False
    momentum: float = 0.0
    nesterov: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyStopping:
    """Stop when the training loss has not fallen by `min_delta` for `patience` epochs."""

    min_delta: float
    patience: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """The training run."""

    batch_size: int  # per GPU
    epochs: int
    checkpoint_interval: int  # epochs
    schedule: Schedule
    optimizer: OptimizerSpec
    regularizer: Literal["none", "l1", "l2"]
    regularizer_weight: float
    resume_path: Path | None
    pretrain_path: Path | None
    pruned_path: Path | None  # refused by `check_training`
    quantisation_aware: bool  # refused by `check_training`
    early_stopping: EarlyStopping | None
    ema: bool
    visualizer_images: int | None  # of an epoch, for TensorBoard; None: no event files


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """How average precision is computed."""

    mode: Literal["sample", "integrate"]
    batch_size: int
    matching_iou: float  # (0, 1]
    plot_precision_recall: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Nms:
    """Non-maximum suppression."""

    confidence_threshold: float
    iou_threshold: float  # (0, 1]
    top_k: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSpec:
    """The network and its loss. Scales are always in the order big (stride 32), mid (16), small (8)."""

    arch: str
    layers: int
    conv_blocks: int
    anchors: tuple[tuple[Anchor, ...], tuple[Anchor, ...], tuple[Anchor, ...]]  # (w, h) in input pixels
    grid_xy_extend: tuple[float, float, float]  # each 0..0.3
    box_matching_iou: float
    neutral_box_iou: float
    location_weight: float
    negative_objectness_weight: float
    class_weight: float
    label_smoothing: float
    focal_alpha: float
    focal_gamma: float
    freeze_blocks: tuple[int, ...]
    freeze_bn: bool
    force_relu: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MosaicCrop:
    """How large frames are shown in a mosaic; 1 is as large as alone."""

    min_scale: float
    max_scale: float
    object_share: float = 0.0  # of tiles that show at least one object, where their frame has some


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """What goes beyond NVIDIA's program; the defaults change nothing."""

    mosaic_crop: MosaicCrop | None = None  # tiles are cut from frames without padding
    mosaic_until: float = 1.0  # share of the run after which there is no mosaic
    min_visible: float = 0.0  # least share of a box that is left by cropping, or it is dropped
    inference_scale: float = 1.0  # of the network input wherever it does not train, to its size in training


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One complete experiment spec."""

    classes: tuple[str, ...]  # sorted target classes, lower case; a class's id is its place here
    class_weights: tuple[float, ...]  # in the order of `classes`
    auto_class_weights: bool  # refused by `check_training`
    dataset: DatasetSpec
    augmentation: Augmentation
    training: Training
    evaluation: Evaluation
    nms: Nms
    network: NetworkSpec
    random_seed: int
    extension: Extension = Extension()

    @property
    def extended(self) -> tuple[str, ...]:
        """The fields by which the experiment goes beyond NVIDIA's program."""
        names = [field.name for field in fields(Extension)]
        usual = Extension()
        return tuple(name for name in names if getattr(self.extension, name) != getattr(usual, name))

    def for_inference(self) -> "Experiment":
        """The same with the network input of validation, evaluation, inference and export.

        Anchors stay as they are, in pixels: a network with zoom in its training has seen objects of every
        size, and finds more small ones on larger frames.
        """
        scale = self.extension.inference_scale
        if scale == 1:
            return self
        trained = self.augmentation
        width, height = (scaled_px(side, scale) for side in (trained.width, trained.height))
        return replace(
            self,
            augmentation=replace(trained, width=width, height=height),
            extension=replace(self.extension, inference_scale=1.0),
        )


def scaled_px(side_px: int, scale: float) -> int:
    """A side of a network input, `scale` times as long: the nearest multiple of `COARSEST_PX`, ties upwards.

    It is longer or shorter by one multiple at least, since a frame grows with the shorter of both sides.
    """
    nearest_px = math.floor(side_px * scale / COARSEST_PX + 0.5) * COARSEST_PX
    if scale > 1:
        return max(nearest_px, side_px + COARSEST_PX)
    if scale < 1:
        return max(min(nearest_px, side_px - COARSEST_PX), COARSEST_PX)
    return side_px
