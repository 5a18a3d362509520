"""What is said when memory runs out, in whose words ever."""

import pytest

from yolo_v4.errors import TrainingFailed
from yolo_v4.network.device import memory_explained


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: can't allocate memory",
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
