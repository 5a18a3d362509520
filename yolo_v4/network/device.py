"""Where a network computes, and how exactly."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from yolo_v4.errors import TrainingFailed


def choose_device(asked_for: Sequence[int] | None, *, gpus: int = 1, local_rank: int = 0) -> torch.device:
    """A GPU where there is one, else the CPU. Raises TrainingFailed: GPUs were asked for that are not there.

    `asked_for` is what `--gpu_index` says; `CUDA_VISIBLE_DEVICES` was set from it, so GPUs count from 0 of those seen.
    """
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if seen < (gpus if gpus > 1 or asked_for else 0) or 0 < seen <= local_rank:
        flag = f"--gpu_index {' '.join(map(str, asked_for))}" if asked_for else f"--gpus {gpus}"
        raise TrainingFailed(
            f"{flag} was asked for, and PyTorch {torch.__version__} sees {seen} such GPUs here",
            remedy="leave --gpus and --gpu_index out to use what there is, or install a PyTorch that fits the driver",
        )
    return torch.device("cuda", local_rank) if seen else torch.device("cpu")


@contextmanager
def memory_explained(field: str, batch_size: int) -> Iterator[None]:
    """Where memory runs out inside, name the field of the spec that says how many pictures are worked on at a time."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # Only PyTorch's GPU allocator has an exception of its own; its CPU allocator, the driver and cuBLAS have not.
        known = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not known and not re.search(
            "can't allocate memory|out of memory|alloc_failed", str(error), re.IGNORECASE
        ):
            raise
        message, remedy = (
            f"memory ran out with {field} {batch_size}",
            f"lower {field}, or the network's input size",
        )
        raise TrainingFailed(f"{message}: {error}", remedy=remedy) from error


def mixed_precision(device: torch.device) -> torch.dtype:
    """What a network computes in with `--use_amp`.

    bfloat16 where the hardware has it; else float16 on a GPU, and float32 on a CPU, which could only imitate.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    cpu = Path("/proc/cpuinfo")
    features = cpu.read_text().split() if cpu.exists() else ()
    return torch.float32 if {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(features) else torch.bfloat16
