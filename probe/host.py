"""The machine apart from its GPUs, through psutil and files of the kernel.

Ours means a process and its children.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from probe.metric import Metric

RAPL = Path("/sys/class/powercap")
RESCAN_BEATS = 5  # looking for new children goes through every process of the machine, 5 ms


class Host:
    """Remembers what must be remembered between two looks.

    Args:
        root: process number of the tree that is ours.
        own: process numbers of ours that do not count, such as the sampler's.

    Raises:
        psutil.NoSuchProcess: there is no process of number `root`.
    """

    def __init__(self, root: int, own: frozenset[int]) -> None:
        self._root, self._own, self._beat = psutil.Process(root), own, 0
        self._tree: dict[int, psutil.Process] = {}
        self._ours: set[psutil.Process] = {self._root}  # also those that outlived their parent
        self._spent_s: tuple[float, ...] = ()
        self._packages = {path: (0.0, 0.0) for path in RAPL.glob("*-rapl:?") if _is_package(path)}
        self._clock_s = time.time() - time.monotonic()
        self.host_cpu_pct: float | None = None
        self.tree_cpu_pct: float | None = None
        self.steal_pct: float | None = None
        self.tree_rss_bytes = 0

    def owns(self, pid: int) -> bool | None:
        """Whether a process belongs to the tree at this moment; None where there is none of that number.

        A number that is given again is no longer ours: processes are told apart by their start times, too.
        """
        if pid in self._own:
            return True
        try:
            process = psutil.Process(pid)
            return process in self._ours or any(each in self._ours for each in process.parents())
        except psutil.Error:  # it has ended, or belongs to somebody whose processes are hidden from us
            return False if _is_there(pid) else None

    @property
    def root_is_alive(self) -> bool:
        """Whether the process that was named still runs."""
        with contextlib.suppress(psutil.Error):
            return self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE
        return False

    def look(self) -> None:
        """Read what several metrics share, first in each beat. Shares of time begin with the second beat."""
        # A run begins with programs being started; a short one would be over before the next scan.
        if self._beat < 2 * RESCAN_BEATS or self._beat % RESCAN_BEATS == 0:
            with contextlib.suppress(psutil.Error):
                family = (self._root, *self._root.children(recursive=True))
                self._ours = {each for each in self._ours if each.is_running()} | {*family}
                tree = {each.pid: each for each in self._ours if each.pid not in self._own}
                self._tree = {**tree, **{pid: each for pid, each in self._tree.items() if pid in tree}}
        self._beat += 1
        times = psutil.cpu_times()
        total_s = sum(times[:8])  # guest time is in user time already
        busy_s = total_s - times.idle - getattr(times, "iowait", 0.0)
        spent_s = (total_s, busy_s, self._look_at_tree(), getattr(times, "steal", 0.0))
        if self._spent_s and total_s > self._spent_s[0]:
            passed_s, *parts_s = (now - before for now, before in zip(spent_s, self._spent_s, strict=True))
            # What an orphan had spent is gone when it ends, and that is no negative work.
            shares = (max(100 * part_s / passed_s, 0.0) for part_s in parts_s)
            self.host_cpu_pct, self.tree_cpu_pct, self.steal_pct = shares
        self._spent_s = spent_s

    def _look_at_tree(self) -> float:
        """CPU seconds of the tree so far. Those of a child that has ended are among its parent's."""
        spent_s, self.tree_rss_bytes = 0.0, 0
        for process in self._tree.values():
            with contextlib.suppress(psutil.Error), process.oneshot():
                spent_s += sum(process.cpu_times()[:4])
                self.tree_rss_bytes += process.memory_info().rss
        return spent_s

    def unique_bytes(self) -> float:
        """Memory of the tree that would come free if it ended; asking costs a millisecond a process."""
        total = 0
        for process in self._tree.values():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().uss
        return float(total)

    def energy_j(self) -> float | None:
        """Joules of all CPU packages since the first look; the counters start again at their range."""
        for path, (last_uj, total_uj) in self._packages.items():
            now_uj = float((path / "energy_uj").read_text())
            range_uj = float((path / "max_energy_range_uj").read_text())
            grown = (now_uj - last_uj) % range_uj if last_uj else 0.0
            self._packages[path] = (now_uj, total_uj + grown)
        return sum(total for _, total in self._packages.values()) / 1e6 if self._packages else None

    def clock_jump_s(self) -> float:
        """How far the wall clock has moved against the steady one since the start."""
        return time.time() - time.monotonic() - self._clock_s


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _is_package(path: Path) -> bool:
    with contextlib.suppress(OSError):  # for root only, on most machines
        return (path / "name").read_text().startswith("package") and bool((path / "energy_uj").read_text())
    return False


def _of(ask: Callable[[], object], field: str) -> Callable[[Host], float | None]:
    return lambda host: getattr(ask(), field, None)


def _temperature(host: Host) -> float | None:
    chips = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    names = ("coretemp", "k10temp", "zenpower")
    return max((one.current for name in names for one in chips.get(name, ())), default=None)


READ, WRITTEN = (_of(psutil.disk_io_counters, f"{name}_bytes") for name in ("read", "write"))
SENT, RECEIVED = (_of(psutil.net_io_counters, f"bytes_{name}") for name in ("sent", "recv"))
# Those that ask every core, or every page of memory, have a slower pace.
METRICS: tuple[Metric[Host], ...] = (
    Metric(
        "probe_cpu_total_s", "CPU time of the sampler itself", "the sampler", lambda host: time.process_time()
    ),
    Metric("host_cpu_pct", "busy share of all cores", "psutil", lambda host: host.host_cpu_pct),
    Metric(
        "tree_cpu_pct",
        "share of all cores that the command and its children use",
        "psutil",
        lambda host: host.tree_cpu_pct,
    ),
    Metric("steal_pct", "taken by other virtual machines", "psutil", lambda host: host.steal_pct),
    Metric(
        "tree_rss_bytes",
        "resident memory of the command and its children",
        "psutil",
        lambda host: host.tree_rss_bytes,
    ),
    Metric("tree_uss_bytes", "memory that only they use", "psutil", Host.unique_bytes, 10),
    Metric(
        "memory_available_bytes", "memory that is left", "psutil", _of(psutil.virtual_memory, "available")
    ),
    Metric("load_1min", "load of the last minute", "psutil", lambda host: psutil.getloadavg()[0]),
    Metric("disk_read_total_bytes", "read from all disks", "psutil", READ),
    Metric("disk_written_total_bytes", "written to all disks", "psutil", WRITTEN),
    Metric("network_sent_total_bytes", "sent over all networks", "psutil", SENT),
    Metric("network_received_total_bytes", "received over all networks", "psutil", RECEIVED),
    Metric("cpu_energy_total_j", "energy of all CPU packages", "RAPL", Host.energy_j),
    Metric(
        "clock_jump_s",
        "how far the wall clock moved against the steady one",
        "both clocks",
        Host.clock_jump_s,
    ),
    Metric("cpu_mhz", "clock of the cores, on average", "psutil", _of(psutil.cpu_freq, "current"), 10),
    Metric("cpu_temperature_c", "hottest sensor of the CPU", "psutil", _temperature, 10),
)
