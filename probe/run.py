"""Watch a command from its start to its end.

The command runs in the probe's process group and session, as it would without it: it has the terminal, and a
key such as Ctrl-C reaches it directly. Signals that other processes send to the probe are passed on to it,
and the probe ends when it has ended. The sampler is a process of its own: a driver that hangs holds up
neither the command nor its signals.
"""

import contextlib
import ctypes
import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.errors import NOT_EXECUTABLE, NOT_FOUND, ProbeError
from probe.samples import SAMPLES, SamplesError, is_total, read_columns
from probe.summary import Summary, energy_j, missed_beats, summarise_metrics, throttled

KEYBOARD = frozenset({signal.SIGINT, signal.SIGQUIT})
PASSED_ON = KEYBOARD | {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
AWAITED = PASSED_ON | {signal.SIGCHLD}
PR_SET_PDEATHSIG = 1
MAXRSS_BYTES = 1024 if sys.platform == "linux" else 1  # unit of the kernel's ru_maxrss
PATIENCE_S = 10.0  # for a driver that takes its time, at the start and at the end
POLL_S = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ending:
    exit_status: int
    started_unix_s: float
    duration_s: float
    cpu_s: float
    largest_process_bytes: int | None  # None: too small to be told from our own memory, with which it began


def run(command: Sequence[str], *, folder: Path | None, gpu_hz: float, host_hz: float) -> Summary:
    """Start `command`, wait for its end, and say what was seen.

    From the start of the command on signals are held, for good: after its end little is left to interrupt.

    Args:
        command: program and arguments; its input and outputs are ours.
        folder: where samples.csv.gz is left; None: nowhere.
        gpu_hz: beats a second for GPUs.
        host_hz: beats a second for the rest of the machine.

    Raises:
        ProbeError: there is no such program, it cannot be started, the folder holds samples already, or the
            sampler cannot start.
        OSError: the folder cannot be made.
    """
    _require_program(command[0])
    if folder is not None and (folder / SAMPLES).exists():
        raise ProbeError(f"{folder} holds samples already", remedy="take another folder, or remove that one")
    with contextlib.ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="probe-")))
        where.mkdir(parents=True, exist_ok=True)
        with _sampler(where, gpu_hz=gpu_hz, host_hz=host_hz) as faults:
            ending = _execute(command)
        return _summary(command, ending, where, faults, gpu_hz=gpu_hz, host_hz=host_hz)


def _require_program(name: str) -> None:
    if shutil.which(name):
        return
    if os.sep in name and Path(name).exists():
        raise ProbeError(f"{name} is no program", remedy=f"chmod +x {name}", exit_status=NOT_EXECUTABLE)
    raise ProbeError(f"there is no program {name}", remedy="correct its name or path", exit_status=NOT_FOUND)


@contextlib.contextmanager
def _sampler(folder: Path, *, gpu_hz: float, host_hz: float) -> Iterator[list[str]]:
    """Sample our children while inside; the list that it gives holds faults once it has ended."""
    words = [str(folder), str(os.getpid()), "--children-only", f"--gpu-hz={gpu_hz}", f"--host-hz={host_hz}"]
    faults: list[str] = []
    with tempfile.TemporaryFile() as said:
        sampler = subprocess.Popen(
            [sys.executable, "-m", "probe", "sample", *words],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,  # keys are not for it
        )
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while not _text(said.fileno()) and sampler.poll() is None and time.monotonic() < deadline_s:
                time.sleep(POLL_S)
            if sampler.poll():
                raise ProbeError(f"the sampler cannot start:\n{_text(said.fileno())}", remedy="correct that")
            yield faults
        finally:
            try:
                sampler.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                sampler.kill()
                sampler.communicate()
            faults += [line for line in _text(said.fileno()).splitlines() if line != "ready"]
            faults += [f"the sampler ended with status {sampler.returncode}"] if sampler.returncode else []


def _text(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


def _execute(command: Sequence[str]) -> _Ending:
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # whoever started us may have had it ignored
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    own_peak_bytes = _own_peak_bytes()
    started_unix_s, clock_s = time.time(), time.monotonic()
    try:
        process = subprocess.Popen(command, preexec_fn=_before_program(mask))
    except OSError as error:
        raise ProbeError(
            f"cannot start {command[0]}: {error.strerror}",
            remedy="run it alone, to see what it needs",
            exit_status=NOT_EXECUTABLE,
        ) from error
    usage = _wait(process)
    peak_bytes = usage.ru_maxrss * MAXRSS_BYTES
    return _Ending(
        exit_status=process.returncode if process.returncode >= 0 else 128 - process.returncode,
        started_unix_s=started_unix_s,
        duration_s=time.monotonic() - clock_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        largest_process_bytes=peak_bytes if peak_bytes > own_peak_bytes else None,
    )


def _own_peak_bytes() -> int:
    """The most memory that this program had: a process that it starts counts as that large until its exec."""
    with contextlib.suppress(OSError):
        # Not ru_maxrss, which on Linux is also that of the process which started us by vfork(2).
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES


def _before_program(mask: set[signal.Signals | int]) -> Callable[[], None]:
    """What the new process does before it becomes the program: take signals; on Linux, die with us."""
    library, parent = ctypes.CDLL(None), os.getpid()

    def prepare() -> None:
        if sys.platform == "linux":
            library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # we died before the line above
                os._exit(128 + signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    return prepare


def _wait(process: "subprocess.Popen[bytes]") -> resource.struct_rusage:
    """Pass signals on until the process has ended; what it and the children that it waited for have used."""
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        number, is_known = _next_signal()
        if number in PASSED_ON and not is_known:
            os.kill(process.pid, number)


def _next_signal() -> tuple[int, bool]:
    """Its number, and whether the command has had it, too: the terminal sends to the whole process group."""
    if sys.platform == "linux":
        told = signal.sigwaitinfo(AWAITED)
        return told.si_signo, told.si_code > 0  # from the kernel, not from a process
    number = signal.sigwait(AWAITED)
    return number, number in KEYBOARD


def _summary(
    command: Sequence[str], ending: _Ending, folder: Path, faults: list[str], *, gpu_hz: float, host_hz: float
) -> Summary:
    try:
        columns: Mapping[str, Sequence[float]] = read_columns(folder)
    except SamplesError as error:
        columns, faults = {}, [*faults, error.message]
    inside = _during(columns, ending)
    metrics = summarise_metrics(inside)
    peaks = [one.max for one in metrics if one.metric == "tree_rss_bytes"] + [ending.largest_process_bytes]
    return Summary(
        command=tuple(command),
        exit_status=ending.exit_status,
        started_unix_s=round(ending.started_unix_s, 3),
        duration_s=round(ending.duration_s, 3),
        cpu_s=round(ending.cpu_s, 3),
        cpu_pct=round(100 * ending.cpu_s / ending.duration_s, 2),
        peak_memory_bytes=max((int(peak) for peak in peaks if peak), default=None),
        energy_j=energy_j(metrics),
        throttled=throttled(inside),
        samples=len(inside.get("unix_s", ())),
        missed_beats=missed_beats(columns, gpu_hz=gpu_hz, host_hz=host_hz) if columns else 0,
        faults=tuple(faults),
        metrics=metrics,
    )


def _during(columns: Mapping[str, Sequence[float]], ending: _Ending) -> dict[str, Sequence[float]]:
    """The samples from start to end; of totals also those just before, from which they grew."""
    end_s = ending.started_unix_s + ending.duration_s
    inside = [ending.started_unix_s <= time_s <= end_s for time_s in columns.get("unix_s", ())]
    return {
        name: values if is_total(name) else [*itertools.compress(values, inside)]
        for name, values in columns.items()
    }
