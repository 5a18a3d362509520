"""The checks that a spec must pass to train with it: learning rate, optimiser, regulariser, model to load."""

import re
from collections.abc import Iterator
from pathlib import Path

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import RELEASES, Experiment

BLOCKS = (0, 1, 2)
_EPOCH = re.compile(r"_(?P<epoch>\d{3,})\.[^.]+$")


def check_training(experiment: Experiment, *, release: str = RELEASES[0]) -> None:
    """Refuse an experiment that the loader accepts but that cannot be trained.

    `release`: of the network, one of `RELEASES`.
    Raises SpecError: a check fails; has NVIDIA's message where TAO has the check (TAO 5.0,
    cv/common/utils.py).
    """
    for holds, complaint in _verdicts(experiment):
        if not holds:
            raise SpecError(
                complaint, remedy="correct training_config in the experiment spec; see docs/seam.md"
            )
    require_blocks(experiment.network.conv_blocks, release)
    if experiment.training.visualizer_images is not None:
        _require_tensorboard()
    if experiment.training.resume_path is not None:
        resumed_epoch(experiment.training.resume_path)


def require_blocks(conv_blocks: int, release: str) -> None:
    """Raise SpecError where a network of that release cannot have so many blocks; 5.0 ignores the field."""
    if release != "5.0" and conv_blocks not in BLOCKS:
        raise SpecError(f"arch_conv_blocks is {conv_blocks}; it can be 0, 1 or 2", remedy="set it to 2")


def _require_tensorboard() -> None:
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise SpecError(
            "visualizer is enabled, and tensorboardX, which writes for TensorBoard, is not installed",
            remedy="pip install tensorboardX, or set enabled: false",
        ) from error


def resumed_epoch(path: Path) -> int:
    """The epoch in the name of a checkpoint, such as 40 in `yolov4_resnet18_epoch_040.pt`.

    Raises SpecError: the name does not end in `_` and three digits or more.
    """
    found = _EPOCH.search(path.name)
    if found is None:
        raise SpecError(
            f"Cannot parse the checkpoint path. Did you rename it? ({path})",
            remedy="give resume_model_path as `train` named it: .../yolov4_resnet18_epoch_NNN.pt or .hdf5; "
            "weights to start from belong into pretrain_model_path",
        )
    return int(found["epoch"])


def _verdicts(experiment: Experiment) -> Iterator[tuple[bool, str]]:
    training = experiment.training
    rate = training.schedule
    optimizer = training.optimizer
    yield rate.kind != "none", "learning rate schedule must be specified in config file!"
    yield rate.min_learning_rate > 0.0, "min_learning_rate should be positive"
    is_max_above_min = rate.max_learning_rate > rate.min_learning_rate
    yield is_max_above_min, "max learning rate should be larger than min_learning_rate"
    yield 0.0 <= rate.soft_start <= 1.0, "The soft_start varible should be >= 0.0 or <= 1.0."
    if rate.kind == "annealing":
        yield 0.0 <= rate.annealing <= 1.0, "The annealing_start variable should be >= 0.0 or <= 1.0."
        yield rate.soft_start < rate.annealing, "Variable soft_start should be less than annealing_start."
    yield optimizer.kind != "none", "Optimizer must be specified in config file!"
    if optimizer.kind == "adam":
        yield 0.0 < optimizer.beta1 < 1.0, "beta1 must be within (0, 1)."
        yield 0.0 < optimizer.beta2 < 1.0, "beta2 must be within (0, 1)."
        yield optimizer.epsilon > 0.0, "epsilon must be greater than 0."
    yield optimizer.kind != "sgd" or optimizer.momentum >= 0.0, "momentum must be >=0."
    yield (
        optimizer.kind != "rmsprop",
        "rmsprop does not work in TAO 5.0 (it looks for beta2) and is not offered here.",
    )
    is_weight_valid = training.regularizer == "none" or 0.0 < training.regularizer_weight < 1.0
    yield is_weight_valid, "Weight decay should be no less than 0 and less than 1"
    longer_side_px = max(experiment.augmentation.width, experiment.augmentation.height)
    complaint = (
        "batch_size_per_gpu: 1 is not supported at 32x32: one value is nothing to normalise a batch by."
    )
    yield training.batch_size > 1 or longer_side_px > 32, complaint
    yield training.pruned_path is None, "pruned_model_path is not supported: there is no prune here."
    yield not training.quantisation_aware, "enable_qat: true is not supported; export quantises to int8."
    yield not experiment.auto_class_weights, "class_weighting_config.enable_auto: true is not supported."
