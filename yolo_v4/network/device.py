"""The device and the precision that a network computes with, their name, and errors where memory runs out."""

import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from yolo_v4.errors import TrainingFailed, is_out_of_memory
from yolo_v4.network.heap import keep_freed_memory

# Of /proc/cpuinfo, on x86 and Arm.
MODEL = (
    *("vendor_id", "model name", "cpu family", "model", "stepping"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision"),
)
ARITHMETIC = re.compile("avx|amx|fma|bf16|asimd|sve|sme(?!p)|i8mm")  # names of vector instructions begin so
NARROW = "bf16"  # in the names of those for narrow numbers
ISA_LIMIT = "ONEDNN_MAX_CPU_ISA"  # the variable by which oneDNN leaves instructions of a CPU unused
PYTORCH = "PyTorch"  # what computes, unless something else is named
SHORT_NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


def choose_device(asked_for: Sequence[int] | None, *, gpus: int = 1, local_rank: int = 0) -> torch.device:
    """Choose the GPU number `local_rank` of those visible, or the CPU where there is no GPU.

    `asked_for` are the numbers given with `--gpu_index`; `CUDA_VISIBLE_DEVICES` was set from them, so PyTorch
    counts the visible GPUs from 0. On the CPU, the process keeps memory that it frees, from then on.
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
    if seen:
        return torch.device("cuda", local_rank)
    keep_freed_memory()
    return torch.device("cpu")


@contextmanager
def memory_explained(field: str, batch_size: int) -> Iterator[None]:
    """Make errors of memory that runs out name `field`, the spec's field of the batch size."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingFailed(
            f"memory ran out with {field} {batch_size}: {error}",
            remedy=f"lower {field}, or the network's input size",
        ) from error


def formats(device: torch.device) -> dict[str, torch.dtype]:
    """What a network can be trained in on `device`, by name, float32 first.

    A format that is emulated is left out: convolutions in bfloat16 took ten times as long with AVX2, of which
    PyTorch says that it lacks what they need. float16 needs a GPU.
    """
    names = {"fp32": torch.float32}
    if device.type == "cuda":
        has_bf16 = torch.cuda.get_device_capability(device) >= (8, 0)
        return {**names, **({"bf16": torch.bfloat16} if has_bf16 else {}), "fp16": torch.float16}
    return {**names, **({"bf16": torch.bfloat16} if _cpu_has_bf16() else {})}


def _cpu_has_bf16() -> bool:
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # a build of PyTorch without oneDNN
        return False


def processor(device: torch.device) -> str:
    """The model of a GPU, or of a CPU with its vector instructions, of which a virtual machine may hide some.

    Two machines of which this says the same compute equally fast, but for clock and memory.
    """
    if device.type == "cuda":
        capability = ".".join(map(str, torch.cuda.get_device_capability(device)))
        return f"{torch.cuda.get_device_name(device)}, {capability}"
    told = _cpu_facts()
    model = [told[name] for name in MODEL if name in told] or [platform.machine(), platform.processor()]
    return ", ".join([*model, *_arithmetic(told)])


def _cpu_facts() -> dict[str, str]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").partition("\n\n")[0].splitlines() if info.exists() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _arithmetic(told: Mapping[str, str]) -> list[str]:
    return sorted(filter(ARITHMETIC.match, (told.get("flags") or told.get("Features") or "").split()))


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
    return {
        "processor": processor(device) if device.type == "cuda" else _vectors(precision),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "number_format": number_format(device, precision),
        "runtime": runtime,
    }


def _vectors(precision: torch.dtype) -> str:
    """What PyTorch uses of a CPU; for narrow numbers their instructions too: oneDNN has kernels for each."""
    words = [torch.backends.cpu.get_cpu_capability()]
    if precision is not torch.float32:
        words += [name for name in _arithmetic(_cpu_facts()) if NARROW in name]
    if limit := os.environ.get(ISA_LIMIT):
        words.append(f"{ISA_LIMIT}={limit}")
    return ", ".join(words)
