"""Several training processes that share each step: one for each GPU here, or those that torchrun has started.

The environment says which one a process is, in torchrun's words: RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR,
MASTER_PORT. NCCL joins GPUs, gloo CPUs.
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
from torch import distributed

from yolo_v4.errors import TrainingFailed

PATIENCE = timedelta(hours=2)  # with the first process, which validates while the others wait
POLL_S, GRACE_S = 0.2, 10.0


class Place(NamedTuple):
    """Which process this is, of how many."""

    rank: int = 0
    ranks: int = 1


def launch(argv: Sequence[str], processes: int) -> None:
    """Run `yolo_v4 ARGV` in so many processes on this machine; the first one speaks, all may complain.

    Raises TrainingFailed: one of them failed; the others are ended then.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {name: str(processes) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE")}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
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
        killed = f"was ended by signal {-status}" if status < 0 else "failed, as it says above"
        remedy = "lower batch_size_per_gpu if it was memory, else mend what it says"
        raise TrainingFailed(
            f"process {failed[0]} of {processes} {killed}, so training stopped", remedy=remedy
        )


def _end(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()


def is_member() -> bool:
    """Was this process started as one of several?"""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()


@contextmanager
def joined(device: torch.device) -> Iterator[Place]:
    """This process's place, with the others of its run at hand inside."""
    if not is_member():
        yield Place()
        return
    place = Place(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield place
    finally:
        with suppress(RuntimeError):  # another one is gone already
            distributed.destroy_process_group()


def mean_of_all(value: float, device: torch.device) -> float:
    """The mean over all processes of a number that each has its own of."""
    if not distributed.is_initialized():
        return value
    total = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.item() / distributed.get_world_size()
