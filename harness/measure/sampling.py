"""Watch a run with the sampler, from its first beat to its last."""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.measure.record_files import FAULTS

PATIENCE_S = 10.0


@contextlib.contextmanager
def watched(folder: Path, *, gpu_hz: float, host_hz: float, spell_s: float = 0.0) -> Iterator[None]:
    """Sample this process and its children while inside; that the sampler failed is noted as a fault, never raised.

    With a `spell_s` it looks at them for so many seconds, rests for as many, and so on.
    """
    words = [str(folder), str(os.getpid()), str(gpu_hz), str(host_hz), str(spell_s)]
    with (folder / FAULTS).open("ab") as faults:
        sampler = subprocess.Popen(
            [sys.executable, "-m", "probe.sampler", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=faults,
            start_new_session=True,  # Ctrl-C is for us: it writes on until we let go of it
        )
        assert sampler.stdout is not None
        select.select([sampler.stdout], [], [], PATIENCE_S)  # a driver may take its time: the run does not wait for it
        try:
            yield
        finally:
            try:
                said, _ = sampler.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                sampler.kill()
                said, _ = sampler.communicate()
            faults.write(said.replace(b"ready\n", b"", 1))
            if sampler.returncode:
                faults.write(f"the sampler ended with status {sampler.returncode}\n".encode())
