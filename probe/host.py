"""The machine apart from its GPUs, through psutil and the kernel's files; ours means a process and its children."""

import contextlib
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
    """

    def __init__(self, root: int, own: frozenset[int]) -> None:
        self._root, self._own, self._beat = root, own, 0
        self._tree: dict[int, psutil.Process] = {}
        self._spent_s: tuple[float, ...] = ()
        self._packages = {path: (0.0, 0.0) for path in RAPL.glob("*-rapl:?") if _is_package(path)}
        self._clock_s = time.time() - time.monotonic()
        self.host_cpu_pct: float | None = None
        self.tree_cpu_pct: float | None = None
        self.steal_pct: float | None = None
        self.tree_rss_bytes = 0

    @property
    def pids(self) -> set[int]:
        """Processes of the tree."""
        return {*self._tree, *self._own}

    def look(self) -> None:
        """Read what several metrics share; comes first in each beat. Shares of time begin with the second one."""
        # A run begins with programs being started; a short one would be over before the next scan.
        if self._beat < 2 * RESCAN_BEATS or self._beat % RESCAN_BEATS == 0:
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(self._root)
                found = {each.pid: each for each in (root, *root.children(recursive=True)) if each.pid not in self._own}
                self._tree = {**found, **{pid: each for pid, each in self._tree.items() if pid in found}}
        self._beat += 1
        times = psutil.cpu_times()
        total_s = sum(times[:8])  # guest time is in user time already
        busy_s = total_s - times.idle - getattr(times, "iowait", 0.0)
        spent_s = (total_s, busy_s, self._look_at_tree(), getattr(times, "steal", 0.0))
        if self._spent_s and total_s > self._spent_s[0]:
            passed_s, *parts_s = (now - before for now, before in zip(spent_s, self._spent_s, strict=True))
            self.host_cpu_pct, self.tree_cpu_pct, self.steal_pct = (100 * part_s / passed_s for part_s in parts_s)
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
    Metric(key="clock_jump_s", source="both clocks", read=Host.clock_jump_s),
    # These go through a file of every core.
    Metric(key="cpu_mhz", source="psutil", read=_of(psutil.cpu_freq, "current"), every=10),
    Metric(key="cpu_temperature_c", source="psutil", read=_temperature, every=10),
)
