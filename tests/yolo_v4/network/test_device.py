"""What is said when memory runs out, in whose words ever; and what a network computes with."""

import json
import os
import subprocess
import sys

import pytest
import torch

from yolo_v4.errors import TrainingFailed
from yolo_v4.network import device as device_module
from yolo_v4.network.device import memory_explained, numerics_class


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: can't allocate memory",
        "Could not allocate bytes object!",
        "std::bad_alloc",
        "can't start new thread",
    ],
)
def test_memory_that_runs_out_names_the_batch_whoever_complains(words: str) -> None:
    told = pytest.raises(TrainingFailed, match="memory ran out with batch_size_per_gpu 64")
    with told as caught, memory_explained("batch_size_per_gpu", 64):
        raise RuntimeError(words)

    assert caught.value.remedy.startswith("lower batch_size_per_gpu")


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_explained("batch_size_per_gpu", 64):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_numerics_class_is_what_torch_uses_of_the_processor(threads: str) -> None:
    program = (
        "import json, torch; from yolo_v4.network.device import numerics_class;"
        "print(json.dumps(numerics_class(torch.device('cpu'))))"
    )
    # With the capability `default` PyTorch uses no vectors, on any processor.
    chosen = {**os.environ, "OMP_NUM_THREADS": threads, "ATEN_CPU_CAPABILITY": "default"}
    chosen.pop("ONEDNN_MAX_CPU_ISA", None)

    told = subprocess.run([sys.executable, "-c", program], env=chosen, capture_output=True, check=True)

    told_of = json.loads(told.stdout)
    assert told_of.pop("torch").startswith("2.")
    assert told_of == {
        "processor": "DEFAULT",
        "threads": int(threads),
        "number_format": "fp32",
        "runtime": "PyTorch",
    }


def test_two_processors_whose_kernels_for_bfloat16_differ_are_of_two_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told(flags: str, precision: torch.dtype) -> str:
        monkeypatch.setattr(device_module, "_cpu_facts", lambda: {"flags": flags})
        return str(numerics_class(torch.device("cpu"), precision)["processor"])

    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    vectors = torch.backends.cpu.get_cpu_capability()
    genoa, sapphire_rapids = "avx2 avx512f avx512_bf16", "avx2 avx512f avx512_bf16 amx_bf16 amx_tile"

    assert told(genoa, torch.bfloat16) == f"{vectors}, avx512_bf16"
    assert told(sapphire_rapids, torch.bfloat16) == f"{vectors}, amx_bf16, avx512_bf16"
    assert told(genoa, torch.float32) == told(sapphire_rapids, torch.float32) == vectors
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert told(genoa, torch.float32) == f"{vectors}, ONEDNN_MAX_CPU_ISA=AVX2"
