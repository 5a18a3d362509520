"""Where a network computes."""

from collections.abc import Sequence

import torch

from yolo_v4.errors import TrainingFailed


def choose_device(asked_for: Sequence[int] | None) -> torch.device:
    """A GPU where there is one, else the CPU.

    Args:
        asked_for: what `--gpu_index` says; `CUDA_VISIBLE_DEVICES` was set from it, so the GPU is number 0 of those
            to be seen.

    Raises:
        TrainingFailed: a certain GPU was asked for and is not there.
    """
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if asked_for:
        raise TrainingFailed(
            f"--gpu_index {asked_for[0]} was asked for, and PyTorch {torch.__version__} sees no such GPU here",
            remedy="leave --gpu_index out to use the CPU, or install a PyTorch that fits the driver",
        )
    return torch.device("cpu")
