"""Several training processes that share each step: one for each GPU of this machine, or started by torchrun.

torchrun's environment variables tell a process which one it is: RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. GPUs communicate through NCCL, CPUs through gloo.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import NamedTuple

import torch

# Imported before a process joins the others: DistributedDataParallel imports it, and its functions' default
# arguments would keep the process group, so that the threads of gloo run on while the interpreter ends. There
# one of them now and then aborts the process (signal 6) after everything was done.
import torch.distributed.nn.functional
from torch import distributed

from yolo_v4.errors import TrainingFailed

TIMEOUT = timedelta(hours=2)  # the other processes wait while the first one validates
POLL_S = 0.2  # between looks at the processes
GRACE_S = 10.0  # from SIGTERM to SIGKILL


class Place(NamedTuple):
    """Which process this is, and of how many."""

    rank: int = 0  # from 0
    ranks: int = 1


def launch(argv: Sequence[str], processes: int) -> None:
    """Run `yolo_v4 ARGV` in several processes on this machine.

    Only the first one writes to standard output, all of them write to standard error.
    Raises TrainingFailed: a process failed; the others have been ended.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    children: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(processes):
            place = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            output = None if rank == 0 else subprocess.DEVNULL
            command = [sys.executable, "-m", "yolo_v4", *argv]
            children.append(subprocess.Popen(command, env={**os.environ, **place}, stdout=output))
        while any(child.poll() is None for child in children) and not any(child.poll() for child in children):
            time.sleep(POLL_S)
        failed = [rank for rank, child in enumerate(children) if child.poll()]
    finally:
        _end(children)
    if failed:
        status = children[failed[0]].returncode
        reason = f"was ended by signal {-status}" if status < 0 else "failed, as it says above"
        raise TrainingFailed(
            f"process {failed[0]} of {processes} {reason}, so training stopped",
            remedy="lower batch_size_per_gpu if it was memory, else mend what it says",
        )


def _end(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    """End all processes, by force those that are still there after `GRACE_S`."""
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()


def is_member() -> bool:
    """Whether this process was started as one of several."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()


@contextmanager
def joined(device: torch.device) -> Iterator[Place]:
    """Join the other processes of the run, if there are any, for as long as the context lasts."""
    if not is_member():
        yield Place()
        return
    place = Place(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else each process would keep a context on the first GPU as well
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield place
    finally:
        with suppress(RuntimeError):  # another process has already ended
            distributed.destroy_process_group()


def mean_of_all(value: float, device: torch.device) -> float:
    """The mean of `value` over all processes."""
    if not distributed.is_initialized():
        return value
    total = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.item() / distributed.get_world_size()


def of_first(value: int, device: torch.device) -> int:
    """The `value` of the first process."""
    if not distributed.is_initialized():
        return value
    told = torch.tensor(value, device=device)
    distributed.broadcast(told, 0)
    return int(told.item())
