"""Watch a run with the sampler, from its first beat to its last."""

import contextlib
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

from harness.engine.find import python_environment
from harness.measure.probe_command import PROBE
from harness.measure.record_files import FAULTS

PATIENCE_S = 10.0


@contextlib.contextmanager
def watched(folder: Path, *, gpu_hz: float, host_hz: float) -> Iterator[None]:
    """Sample this process and its children while inside.

    That the sampler failed is noted as a fault in the folder, never raised.

    Args:
        folder: of the record; its samples are added to.
        gpu_hz: how often GPUs are read, per second.
        host_hz: how often the rest of the machine is read, per second.
    """
    rates = [f"--gpu-hz={gpu_hz}", f"--host-hz={host_hz}"]
    with (folder / FAULTS).open("ab") as faults:
        sampler = subprocess.Popen(
            [*PROBE, "sample", str(folder), str(os.getpid()), *rates],
            env=python_environment("probe"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=faults,
            start_new_session=True,  # Ctrl-C is for us: it samples until its input is closed
        )
        assert sampler.stdout is not None
        # A driver may take long to answer; after this time the run begins without it.
        select.select([sampler.stdout], [], [], PATIENCE_S)
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
