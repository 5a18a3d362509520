"""One of several training processes that share each step: started by `launch`, or by torchrun.

torchrun's environment variables tell a process which one it is: RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. GPUs communicate through NCCL, CPUs through gloo.
"""

import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple

import torch

# Imported before a process joins the others: DistributedDataParallel imports it, and its functions' default
# arguments would keep the process group, so that the threads of gloo run on while the interpreter ends. There
# one of them now and then aborts the process (signal 6) after everything was done.
import torch.distributed.nn.functional
from torch import distributed

from yolo_v4.errors import TrainingFailed

TIMEOUT = timedelta(hours=2)  # the other processes wait while the first one validates
MEETING_S = 900.0  # until all are there; on a cold file system to import torch takes minutes
SILENT_S = 10.0  # of waiting, before it is told
POLL_S = 0.2
PORTS = range(1, 2**16)
RANKS = range(1, 2**20)
VARIABLES = "RANK WORLD_SIZE MASTER_ADDR MASTER_PORT"


class Place(NamedTuple):
    """Which process this is, and of how many."""

    rank: int = 0  # from 0
    ranks: int = 1
    local_rank: int = 0  # on its machine, from 0; which of the GPUs there it has


def is_member() -> bool:
    """Whether this process was started as one of several."""
    return {*VARIABLES.split()} <= os.environ.keys()


def told_place() -> Place:
    """The place that the environment tells; a process of its own where it was not started as one of several.

    Raises TrainingFailed: a variable is not such a number.
    """
    if not is_member():
        return Place()
    ranks = _told("WORLD_SIZE", RANKS)
    return Place(_told("RANK", range(ranks)), ranks, _told("LOCAL_RANK", range(ranks), usual="0"))


@contextmanager
def joined(place: Place, device: torch.device) -> Iterator[None]:
    """Join the other processes of the run, if there are any, for as long as the context lasts.

    Raises TrainingFailed: they cannot meet, or another one ended early.
    """
    if not is_member():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else each process would keep a context on the first GPU as well
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=_met(place),
        rank=place.rank,
        world_size=place.ranks,
        timeout=TIMEOUT,
    )
    try:
        yield
    except RuntimeError as error:
        if not _has_lost_another(error):
            raise
        raise TrainingFailed(
            f"another one of the {place.ranks} processes ended, so process {place.rank} cannot go on",
            remedy="read what that one says, and mend it",
        ) from error
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


def _told(name: str, allowed: range, *, usual: str = "") -> int:
    text = os.environ.get(name, usual)
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) not in allowed:
        raise TrainingFailed(
            f'{name} in the environment is "{text}", expected a number from {allowed[0]} to {allowed[-1]}',
            remedy=f"start the processes by torchrun, which sets it; for one alone unset {VARIABLES}",
        )
    return int(text)


def _met(place: Place) -> Any:
    """What the processes share, once all of them are there.

    torch would wait for them in C++, where no signal to end is heard.
    """
    host, port = os.environ["MASTER_ADDR"], _told("MASTER_PORT", PORTS)
    where = f"{host}:{port}"
    # torchrun's agent has a store of its own there, unless it was told otherwise.
    is_server = place.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    if not is_server:
        _wait(lambda: "" if _is_served(host, port) else f"the first process at {where}")
    try:
        store = distributed.TCPStore(  # type: ignore[attr-defined]
            host, port, is_master=is_server, wait_for_workers=False
        )
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        shared = distributed.PrefixStore(attempt, store)  # type: ignore[attr-defined]
        shared.set(f"rank {place.rank}", "is here")
        _wait(lambda: _absent(shared, place.ranks, where))
    except distributed.DistError as error:
        raise TrainingFailed(
            f"the processes cannot meet at {where}: {str(error).splitlines()[0]}",
            remedy="start them once more; where MASTER_PORT was chosen by hand, choose one that is free",
        ) from error
    return shared


def _is_served(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _absent(shared: Any, ranks: int, where: str) -> str:
    missing = [str(rank) for rank in range(ranks) if not shared.check([f"rank {rank}"])]
    return f"process {', '.join(missing)} of {ranks} (counted from 0) at {where}" if missing else ""


def _wait(missing: Callable[[], str]) -> None:
    """Wait until nothing is missing, and say so where that takes a while.

    Raises TrainingFailed: something is missing after `MEETING_S`.
    """
    started_s = time.monotonic()
    is_told = False
    while what := missing():
        waited_s = time.monotonic() - started_s
        if waited_s > MEETING_S:
            raise TrainingFailed(
                f"waited {MEETING_S / 60:.0f} minutes in vain for {what}",
                remedy="read what the others say; RANK and WORLD_SIZE must count the processes of one run",
            )
        if waited_s > SILENT_S and not is_told:
            print(f"waiting for {what}", file=sys.stderr, flush=True)
            is_told = True
        time.sleep(POLL_S)


def _has_lost_another(error: RuntimeError) -> bool:
    """Whether a process that was communicated with is gone; gloo has no exception of its own."""
    return isinstance(error, distributed.DistError) or "gloo/transport" in str(error)
