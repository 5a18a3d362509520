"""Learning rate as a function of progress.

TAO's cosine is not stretched over what the soft start leaves, so with a soft start of 0.3 it ends at 0.21 of the
maximum, not at the minimum.

Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/utils.py.
"""

import math

from yolo_v4.spec.experiment import Schedule


def learning_rate(schedule: Schedule, progress: float, *, gpus: int = 1) -> float:
    """Learning rate at `progress` = steps done / steps of the whole run, 0..1; it grows with the number of GPUs."""
    low, high = schedule.min_learning_rate * gpus, schedule.max_learning_rate * gpus
    if progress < schedule.soft_start:
        share = progress / schedule.soft_start
    elif schedule.kind == "cosine":
        share = (1 + math.cos(math.pi * (progress - schedule.soft_start))) / 2
    elif progress <= schedule.annealing:
        share = 1.0
    else:
        share = (1 - progress) / (1 - schedule.annealing)
    if schedule.kind == "cosine":
        return low + (high - low) * share
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
