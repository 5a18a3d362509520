"""The device and the precision that a network computes with, their name, and errors where memory runs out."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from yolo_v4.errors import TrainingFailed

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # of /proc/cpuinfo, on x86 and Arm
PYTORCH = "PyTorch"  # what computes, unless something else is named
SHORT_NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
OUT_OF_MEMORY = re.compile(
    "can't allocate memory|out of memory|alloc_failed", re.IGNORECASE
)  # in error messages


def choose_device(asked_for: Sequence[int] | None, *, gpus: int = 1, local_rank: int = 0) -> torch.device:
    """Choose the GPU number `local_rank` of those visible, or the CPU where there is no GPU.

    `asked_for` are the numbers given with `--gpu_index`; `CUDA_VISIBLE_DEVICES` was set from them, so PyTorch
    counts the visible GPUs from 0.
    Raises TrainingFailed: GPUs were asked for that are not there.
    """
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    required = gpus if gpus > 1 or asked_for else 0
    if seen < required or 0 < seen <= local_rank:
        flag = f"--gpu_index {' '.join(map(str, asked_for))}" if asked_for else f"--gpus {gpus}"
        raise TrainingFailed(
            f"{flag} was asked for, and PyTorch {torch.__version__} sees {seen} such GPUs here",
            remedy="leave --gpus and --gpu_index out to use what there is, "
            "or install a PyTorch that fits the driver",
        )
    return torch.device("cuda", local_rank) if seen else torch.device("cpu")


@contextmanager
def memory_explained(field: str, batch_size: int) -> Iterator[None]:
    """Make errors of memory that runs out name `field`, the spec's field of the batch size."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # Only PyTorch's GPU allocator raises an exception of its own kind; its CPU allocator, the driver and
        # cuBLAS raise RuntimeError.
        is_known = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not is_known and not OUT_OF_MEMORY.search(str(error)):
            raise
        raise TrainingFailed(
            f"memory ran out with {field} {batch_size}: {error}",
            remedy=f"lower {field}, or the network's input size",
        ) from error


def mixed_precision(device: torch.device) -> torch.dtype:
    """The type of numbers that a network computes with under `--use_amp`.

    bfloat16 if the hardware computes with it; else float16 on a GPU, and float32 on a CPU, where both would
    be emulated.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    cpu_info = Path("/proc/cpuinfo")
    words = cpu_info.read_text().split() if cpu_info.exists() else ()
    return torch.float32 if BFLOAT16_FLAGS.isdisjoint(words) else torch.bfloat16


def number_format(device: torch.device, precision: torch.dtype) -> str:
    """What convolutions compute with: fp32, bf16, fp16; or tf32, PyTorch's fp32 on newer GPUs."""
    if precision is torch.float32 and device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        return "tf32" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return SHORT_NAMES[precision]


def numerics_class(
    device: torch.device, precision: torch.dtype = torch.float32, runtime: str = PYTORCH
) -> dict[str, Any]:
    """What decides the last digits of a result, besides the spec, the data and this program.

    Sums are formed in an order that depends on the width of the processor's vectors and on the number of
    threads; `processor` is what PyTorch uses of a CPU (such as AVX2), or the model of a GPU with its compute
    capability. `runtime` is what computes, whose kernels these are.
    """
    processor = torch.backends.cpu.get_cpu_capability()
    if device.type == "cuda":
        capability = ".".join(map(str, torch.cuda.get_device_capability(device)))
        processor = f"{torch.cuda.get_device_name(device)}, {capability}"
    return {
        "processor": processor,
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "number_format": number_format(device, precision),
        "runtime": runtime,
    }
