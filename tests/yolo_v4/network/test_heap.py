"""Memory that is freed is used again: counted in page faults by the kernel, in a process of its own."""

import platform
import subprocess
import sys

import pytest

ROUNDS, SIZE_BYTES = 40, 64 * 2**20
PROGRAM = f"""
import resource, sys
import torch
from yolo_v4.network.device import choose_device

if sys.argv[1] == "kept":
    choose_device([])
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    torch.zeros({SIZE_BYTES // 4}).add_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_freed_tensor_s_memory_is_there_for_the_next_one() -> None:
    faults = {}
    for word in ("usual", "kept"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, word], capture_output=True, text=True, check=True
        )
        faults[word] = int(done.stdout)

    # The first rounds need their pages in any case, up to five of them.
    assert faults["kept"] < faults["usual"] / 4, faults
