"""Where a network computes."""

from collections.abc import Sequence
from pathlib import Path

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


def mixed_precision(device: torch.device) -> torch.dtype:
    """What a network computes in with `--use_amp`.

    bfloat16 where the hardware has it; else float16 on a GPU, and float32 on a CPU, which could only imitate.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    try:
        features = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return torch.float32
    return torch.float32 if {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(features) else torch.bfloat16
