"""What is demanded of a spec only when training starts: learning rate, optimiser, regulariser, model to load."""

import re
from collections.abc import Iterator
from pathlib import Path

from yolo_v4.errors import SpecError
from yolo_v4.spec.experiment import Experiment, OptimizerSpec, Schedule, Training

Verdict = tuple[bool, str]
_EPOCH = re.compile(r"_(?P<epoch>\d{3,})\.[^.]+$")


def check_training(experiment: Experiment) -> None:
    """Refuse a spec that was accepted by the loader but cannot train.

    Raises:
        SpecError: in NVIDIA's words where it refuses too.

    Source: TAO 5.0, `cv/common/utils.py`.
    """
    training = experiment.training
    parts = (
        _schedule(training.schedule),
        _optimizer(training.optimizer),
        _training(training),
        _unsupported(experiment),
    )
    for part in parts:
        for holds, complaint in part:
            if not holds:
                raise SpecError(complaint, remedy="correct training_config in the experiment spec; see docs/seam.md")
    if training.resume_path is not None:
        resumed_epoch(training.resume_path)


def resumed_epoch(path: Path) -> int:
    """Epoch in the name of a checkpoint, such as 40 in `yolov4_resnet18_epoch_040.pt`.

    Raises:
        SpecError: the name does not end in three digits or more.
    """
    found = _EPOCH.search(path.name)
    if found is None:
        raise SpecError(
            f"Cannot parse the checkpoint path. Did you rename it? ({path})",
            remedy="give resume_model_path as `train` named it: .../yolov4_resnet18_epoch_NNN.pt",
        )
    return int(found["epoch"])


def _schedule(schedule: Schedule) -> Iterator[Verdict]:
    yield schedule.kind != "none", "learning rate schedule must be specified in config file!"
    yield schedule.min_learning_rate > 0.0, "min_learning_rate should be positive"
    yield (
        schedule.max_learning_rate > schedule.min_learning_rate,
        "max learning rate should be larger than min_learning_rate",
    )
    yield 0.0 <= schedule.soft_start <= 1.0, "The soft_start varible should be >= 0.0 or <= 1.0."
    if schedule.kind == "annealing":
        yield 0.0 <= schedule.annealing <= 1.0, "The annealing_start variable should be >= 0.0 or <= 1.0."
        yield schedule.soft_start < schedule.annealing, "Variable soft_start should be less than annealing_start."


def _optimizer(optimizer: OptimizerSpec) -> Iterator[Verdict]:
    yield optimizer.kind != "none", "Optimizer must be specified in config file!"
    if optimizer.kind == "adam":
        yield 0.0 < optimizer.beta1 < 1.0, "beta1 must be within (0, 1)."
        yield 0.0 < optimizer.beta2 < 1.0, "beta2 must be within (0, 1)."
        yield optimizer.epsilon > 0.0, "epsilon must be greater than 0."
    if optimizer.kind == "sgd":
        yield optimizer.momentum >= 0.0, "momentum must be >=0."
    yield optimizer.kind != "rmsprop", "rmsprop does not work in TAO 5.0 (it looks for beta2) and is not offered here."


def _training(training: Training) -> Iterator[Verdict]:
    yield (
        training.regularizer == "none" or 0.0 < training.regularizer_weight < 1.0,
        "Weight decay should be no less than 0 and less than 1",
    )


def _unsupported(experiment: Experiment) -> Iterator[Verdict]:
    yield experiment.training.pruned_path is None, "pruned_model_path is not supported yet: there is no prune here."
    yield not experiment.training.quantisation_aware, "enable_qat: true is not supported yet."
    yield not experiment.auto_class_weights, "class_weighting_config.enable_auto: true is not supported yet."
