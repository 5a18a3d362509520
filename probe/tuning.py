"""How a machine is set, as far as that decides its speed: clocks, limits, topology, container.

Each fact is a value, ABSENT where there is no such thing on this machine, or None where it cannot be read.
Several values are joined in one text.
"""

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from probe.gpu import Device, Gpus

try:
    import pynvml as nvml
except ImportError:  # without it there are no GPUs to ask
    nvml = None

Fact = str | int | float | None
ABSENT = "does not exist here"
CPUS = Path("/sys/devices/system/cpu")
NODES = Path("/sys/devices/system/node")
POWERCAP = Path("/sys/class/powercap")
DRIVERS = (Path("/proc/driver/nvidia"), Path("/dev/nvidiactl"), Path("/dev/dxg"))  # /dev/dxg: WSL
NO_SUCH_THING = (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP)
COMPUTE_MODES = ("default", "exclusive thread", "prohibited", "exclusive process")


def tuning(gpus: Gpus, environ: Mapping[str, str]) -> dict[str, Fact]:
    """Every fact, by name."""
    return {
        "container": _container(environ),
        "cpu_governor": _joined(CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor"), str),
        "cpu_max_mhz": _joined(CPUS.glob("cpu[0-9]*/cpufreq/scaling_max_freq"), _thousandth),
        "cpu_boost": _boost(),
        "cpu_power_limit_w": _power_limit_w(),
        "threads_per_core": _count(CPUS / "cpu0" / "topology" / "thread_siblings_list"),
        "numa_nodes": _count(NODES / "online"),
        **_affinity(),
        "gpus": _count_gpus(gpus),
        **{name: _of_gpus(gpus, ask) for name, ask in GPU_FACTS.items()},
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError as error:
        return ABSENT if error.errno in NO_SUCH_THING else None


def _joined(paths: Iterable[Path], shown: Callable[[str], str]) -> Fact:
    """What these files say: each different value once."""
    return _merged(
        [text if text in (ABSENT, None) else shown(str(text)) for text in map(_read, sorted(paths))]
    )


def _merged(values: list[str | None]) -> Fact:
    if None in values:
        return None
    there = [value for value in values if value is not None and value != ABSENT]
    return ", ".join(dict.fromkeys(there)) or ABSENT


def _thousandth(text: str) -> str:
    return f"{int(text) / 1e3:.0f}"


def _millionth(text: str) -> str:
    return f"{int(text) / 1e6:.0f}"


def _boost() -> Fact:
    """Whether cores may go beyond their base clock."""
    general, of_intel = _read(CPUS / "cpufreq" / "boost"), _read(CPUS / "intel_pstate" / "no_turbo")
    if general == ABSENT:
        return of_intel if of_intel in (ABSENT, None) else ("off" if of_intel == "1" else "on")
    return None if general is None else ("on" if general == "1" else "off")


def _numbers(text: str) -> set[int]:
    """The numbers of a list of the kernel: `0-3,8`."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def _power_limit_w() -> Fact:
    """The long-term limit of each package; containers hide what the links in this folder lead to."""
    packages = sorted(POWERCAP.glob("*-rapl:?"))
    if not all(package.exists() for package in packages):
        return None
    return _joined((package / "constraint_0_power_limit_uw" for package in packages), _millionth)


def _count(path: Path) -> Fact:
    text = _read(path)
    return text if text in (ABSENT, None) else len(_numbers(str(text)))


def _affinity() -> dict[str, Fact]:
    """Cores that this process, and so its children, may use; and how many NUMA nodes they lie on."""
    if not hasattr(os, "sched_getaffinity"):
        return {"cpu_affinity": ABSENT, "affinity_numa_nodes": ABSENT}
    ours = os.sched_getaffinity(0)
    texts = [_read(path) for path in NODES.glob("node[0-9]*/cpulist")]
    nodes = sum(not ours.isdisjoint(_numbers(text)) for text in texts if text is not None)
    return {
        "cpu_affinity": ",".join(_spans(sorted(ours))),
        "affinity_numa_nodes": None if None in texts else nodes or ABSENT,
    }


def _spans(numbers: list[int]) -> Iterable[str]:
    first = last = numbers[0]
    for number in [*numbers[1:], -1]:
        if number != last + 1:
            yield str(first) if first == last else f"{first}-{last}"
            first = number
        last = number


def _container(environ: Mapping[str, str]) -> str:
    """The kind of container that we are in, or `bare`."""
    if {"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & environ.keys():
        return "apptainer"
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "kubernetes"
    marks = {"docker": Path("/.dockerenv"), "podman": Path("/run/.containerenv")}
    return next((name for name, mark in marks.items() if mark.exists()), environ.get("container") or "bare")


def _count_gpus(gpus: Gpus) -> Fact:
    if gpus.devices:
        return len(gpus.devices)
    is_unheard = not gpus.driver and any(path.exists() for path in DRIVERS)
    return None if is_unheard else ABSENT


def _clocks_asked(handle: Any) -> str:
    kinds = (nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM)
    return "/".join(str(nvml.nvmlDeviceGetApplicationsClock(handle, kind)) for kind in kinds)


def _default_limit_w(handle: Any) -> str:
    return f"{nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle) / 1000:.0f}"


def _ecc(handle: Any) -> str:
    return "on" if nvml.nvmlDeviceGetEccMode(handle)[0] else "off"


def _persistence(handle: Any) -> str:
    return "on" if nvml.nvmlDeviceGetPersistenceMode(handle) else "off"


def _compute_mode(handle: Any) -> str:
    return COMPUTE_MODES[nvml.nvmlDeviceGetComputeMode(handle)]


GPU_FACTS: dict[str, Callable[[Any], str]] = {
    "gpu_clocks_asked_mhz": _clocks_asked,  # multiprocessors/memory
    "gpu_power_limit_default_w": _default_limit_w,
    "gpu_ecc": _ecc,
    "gpu_persistence": _persistence,
    "gpu_compute_mode": _compute_mode,
}


def _of_gpus(gpus: Gpus, ask: Callable[[Any], str]) -> Fact:
    if not gpus.devices:
        return None if _count_gpus(gpus) is None else ABSENT
    return _merged([_asked(device, ask) for device in gpus.devices])


def _asked(device: Device, ask: Callable[[Any], str]) -> str | None:
    try:
        return ask(device.handle)
    except nvml.NVMLError as error:
        absent = (nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return ABSENT if error.value in absent else None
