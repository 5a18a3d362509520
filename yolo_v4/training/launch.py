"""Start several training processes on this machine, and end all of them where one ends."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from yolo_v4.errors import TrainingFailed

POLL_S = 0.2  # between looks at the processes
GRACE_S = 10.0  # from SIGTERM to SIGKILL
LAUNCHER = "YOLO_V4_LAUNCHER_PID"  # in the environment of the processes
PR_SET_PDEATHSIG = 1  # of Linux' prctl: the signal that a process gets where its parent has ended


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
        LAUNCHER: str(os.getpid()),
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
        statuses = {rank: child.returncode for rank, child in enumerate(children) if child.poll()}
    finally:
        _end(children)
    if statuses:
        # One that a signal took has said nothing, and others fail because it is gone.
        rank = min(statuses, key=lambda rank: statuses[rank])
        by_signal = f"process {rank} of {processes} was ended by signal {-statuses[rank]}"
        by_itself = f"one of {processes} processes failed, as it says above"
        raise TrainingFailed(
            f"{by_signal if statuses[rank] < 0 else by_itself}, so training stopped",
            remedy="lower batch_size_per_gpu if it was memory, else mend what it says",
        )


def end_with_launcher() -> None:
    """In a process that `launch` started: get SIGTERM where the launcher ends, even by SIGKILL (on Linux).

    Else it would train on alone and write beside the run that comes next.
    """
    launcher = os.environ.get(LAUNCHER)
    if launcher is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if str(os.getppid()) != launcher:  # it ended before this was asked for
        os.kill(os.getpid(), signal.SIGTERM)


def _end(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    """End all processes, by force those that are still there after `GRACE_S`."""
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
