"""The machine apart from its GPUs, through psutil and the kernel's files; ours means a process and its children."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from harness.probe.cgroup import throttled_s
from harness.probe.metric import Metric

RAPL = Path("/sys/class/powercap")
RESCAN_BEATS = 5  # looking for new children goes through every process of the machine, 5 ms


class Host:
    """Remembers what must be remembered between two looks.

    Args:
        root: process number of the tree that is ours.
        own: process numbers of ours that do not count, such as the sampler's.
    """

    def __init__(self, root: int, own: frozenset[int]) -> None:
        self._root, self._own = root, own
        self._tree: dict[int, tuple[psutil.Process, float]] = {}
        self._beat = 0
        self._machine_s = psutil.cpu_times()
        self._packages = {path: (0.0, 0.0) for path in RAPL.glob("*-rapl:?") if _is_package(path)}
        self._clock_s = time.time() - time.monotonic()
        self.host_cpu_pct: float | None = None
        self.tree_cpu_pct: float | None = None
        self.steal_pct: float | None = None
        self.tree_rss_bytes = 0
        self.look()

    @property
    def pids(self) -> set[int]:
        """Processes of the tree."""
        return {*self._tree, *self._own}

    def look(self) -> None:
        """Read what several metrics share; comes first in each beat."""
        if self._beat % RESCAN_BEATS == 0:
            self._rescan()
        self._beat += 1
        now, before = psutil.cpu_times(), self._machine_s
        self._machine_s = now
        total = sum(now[:8]) - sum(before[:8])  # guest time is in user time already
        idle = now.idle - before.idle + getattr(now, "iowait", 0.0) - getattr(before, "iowait", 0.0)
        stolen = getattr(now, "steal", 0.0) - getattr(before, "steal", 0.0)
        parts = (total - idle, self._look_at_tree(), stolen)
        shares = [100 * part / total if total > 0 else None for part in parts]
        self.host_cpu_pct, self.tree_cpu_pct, self.steal_pct = shares

    def _rescan(self) -> None:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._root)
            for process in [root, *root.children(recursive=True)]:
                if process.pid not in self._own and process.pid not in self._tree:
                    # What it used before we met it still belongs to its beat, unless it is older than us.
                    times = process.cpu_times()
                    known = times.user + times.system if self._beat == 0 else 0.0
                    self._tree[process.pid] = (process, known)

    def _look_at_tree(self) -> float:
        """CPU seconds of the tree since the last look."""
        spent, self.tree_rss_bytes = 0.0, 0
        for pid, (process, before) in [*self._tree.items()]:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    self.tree_rss_bytes += process.memory_info().rss
            except psutil.Error:
                del self._tree[pid]
                continue
            self._tree[pid] = (process, times.user + times.system)
            spent += times.user + times.system - before
        return spent

    def unique_bytes(self) -> float:
        """Memory of the tree that would come free if it ended; asking costs a millisecond a process."""
        total = 0
        for process, _ in [*self._tree.values()]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().uss
        return float(total)

    def energy_j(self) -> float | None:
        """Joules of all CPU packages since the first look; the kernel's counters start again at their range."""
        for path, (last_uj, total_uj) in self._packages.items():
            now_uj, range_uj = (float((path / name).read_text()) for name in ("energy_uj", "max_energy_range_uj"))
            grown = (now_uj - last_uj) % range_uj if last_uj else 0.0
            self._packages[path] = (now_uj, total_uj + grown)
        return sum(total for _, total in self._packages.values()) / 1e6 if self._packages else None

    def clock_jump_s(self) -> float:
        """How far the wall clock has moved against the steady one since the start."""
        return time.time() - time.monotonic() - self._clock_s


def _is_package(path: Path) -> bool:
    with contextlib.suppress(OSError):  # for root only, on most machines
        return (path / "name").read_text().startswith("package") and bool((path / "energy_uj").read_text())
    return False


def _of(ask: Callable[[], object], field: str) -> Callable[[Host], float | None]:
    return lambda host: getattr(ask(), field, None)


def _temperature(host: Host) -> float | None:
    chips = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return max(
        (one.current for name in ("coretemp", "k10temp", "zenpower") for one in chips.get(name, ())), default=None
    )


METRICS: tuple[Metric[Host], ...] = (
    Metric(key="probe_cpu_total_s", source="the sampler itself", read=lambda host: time.process_time()),
    Metric(key="host_cpu_pct", source="psutil, of the whole machine", read=lambda host: host.host_cpu_pct),
    Metric(key="tree_cpu_pct", source="psutil, of the whole machine", read=lambda host: host.tree_cpu_pct),
    Metric(key="steal_pct", source="psutil, of the whole machine", read=lambda host: host.steal_pct),
    Metric(key="tree_rss_bytes", source="psutil", read=lambda host: host.tree_rss_bytes),
    Metric(key="tree_uss_bytes", source="psutil", read=Host.unique_bytes, every=10),
    Metric(key="memory_available_bytes", source="psutil", read=_of(psutil.virtual_memory, "available")),
    Metric(key="load_1min", source="psutil", read=lambda host: psutil.getloadavg()[0]),
    Metric(key="disk_read_total_bytes", source="psutil", read=_of(psutil.disk_io_counters, "read_bytes")),
    Metric(key="disk_written_total_bytes", source="psutil", read=_of(psutil.disk_io_counters, "write_bytes")),
    Metric(key="network_sent_total_bytes", source="psutil", read=_of(psutil.net_io_counters, "bytes_sent")),
    Metric(key="network_received_total_bytes", source="psutil", read=_of(psutil.net_io_counters, "bytes_recv")),
    Metric(key="cpu_energy_total_j", source="RAPL", read=Host.energy_j),
    Metric(key="cgroup_throttled_total_s", source="cgroup", read=lambda host: throttled_s()),
    Metric(key="clock_jump_s", source="both clocks", read=Host.clock_jump_s),
    # These go through a file of every core.
    Metric(key="cpu_mhz", source="psutil", read=_of(psutil.cpu_freq, "current"), every=10),
    Metric(key="cpu_temperature_c", source="psutil", read=_temperature, every=10),
)
