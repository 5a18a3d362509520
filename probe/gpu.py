"""NVIDIA GPUs, through NVML: those that are ours, and what can be read of them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import pynvml as nvml
except ImportError:  # of the package nvidia-ml-py; without it there are no GPUs to read
    nvml = None

PID_NAMESPACE = Path("/proc/self/ns/pid")
FIRST_NAMESPACE = "pid:[4026531836]"  # of the machine itself, by a number that is part of the kernel
ALL_LINKS = 0xFFFFFFFF
# Names of NVML's constants, so that the table of metrics is there where the package is not.
LINKS_SENT = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX"
LINKS_RECEIVED = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX"
SM = "NVML_GPM_METRIC_SM_UTIL"
TENSOR = "NVML_GPM_METRIC_ANY_TENSOR_UTIL"
DRAM = "NVML_GPM_METRIC_DRAM_BW_UTIL"
ACTIVITIES = (SM, TENSOR, DRAM)


class Device:
    """One GPU or MIG instance, with what must be remembered between two looks.

    Args:
        handle: NVML's.
        number: as CUDA counts those that are visible.
    """

    def __init__(self, handle: Any, number: int) -> None:
        self.handle, self.number = handle, number
        self.uuid = str(nvml.nvmlDeviceGetUUID(handle))
        self.mig = self.uuid.startswith("MIG-")
        self.absent: set[str] = set()
        self.owns: Callable[[int], bool | None] = lambda pid: None  # see `probe.host.Host.owns`
        self._xids = 0
        self._events: Any = None
        self._samples: list[Any] = []
        self._activity: dict[str, float] | None = None

    def describe(self) -> dict[str, Any]:
        """name, uuid, memory_bytes, power_limit_w and mig; None for what the driver does not tell."""
        limit = self._or_none(nvml.nvmlDeviceGetEnforcedPowerLimit)
        memory = self._or_none(nvml.nvmlDeviceGetMemoryInfo)
        return {
            "name": str(self._or_none(nvml.nvmlDeviceGetName) or ""),
            "uuid": self.uuid,
            "memory_bytes": int(memory.total) if memory else None,
            "power_limit_w": limit / 1000 if limit else None,
            "mig": self.mig,
        }

    def ask(self, function: str, *constants: str) -> Any:
        """What a function of NVML answers of this GPU; functions and constants go by their names."""
        return getattr(nvml, function)(self.handle, *(getattr(nvml, name) for name in constants))

    def processes(self, *, ours: bool) -> int | None:
        """Processes on this GPU that are ours, or that are not; None where that cannot be told.

        In a container NVML's numbers may be those of the machine, or it may name no process at all.
        """
        running = nvml.nvmlDeviceGetComputeRunningProcesses(self.handle)
        owned = [self.owns(process.pid) for process in running]
        if not _is_first_namespace() and (not owned or None in owned):
            return None
        return owned.count(ours)  # of those that have ended meanwhile nobody needs to know

    def throttled(self) -> int:
        """Bits of `probe.samples.THROTTLE_REASONS`."""
        try:
            return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(self.handle))
        except nvml.NVMLError_FunctionNotFound:  # the older name
            return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self.handle))

    def xids(self) -> int:
        """Critical errors that the driver reported since the first look."""
        if self._events is None:
            self._events = nvml.nvmlEventSetCreate()
            nvml.nvmlDeviceRegisterEvents(self.handle, nvml.nvmlEventTypeXidCriticalError, self._events)
        with contextlib.suppress(nvml.NVMLError_Timeout):
            while nvml.nvmlEventSetWait(self._events, 0):
                self._xids += 1
        return self._xids

    def nvlink_bytes(self, field: str) -> float:
        """Bytes over all NVLinks since the driver was loaded."""
        (value,) = nvml.nvmlDeviceGetFieldValues(self.handle, [(getattr(nvml, field), ALL_LINKS)])
        if value.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(value.nvmlReturn)
        return float(value.value.ullVal * 1024)

    def activity(self, metric: str) -> float | None:
        """Percent since the last look at SM, which comes first; None at the very first (Hopper and newer)."""
        if metric == SM:
            if not nvml.nvmlGpmQueryDeviceSupport(self.handle).isSupportedDevice:
                raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
            # Two samples that change places: the older one is overwritten.
            self._samples = self._samples[::-1] or [nvml.nvmlGpmSampleAlloc(), nvml.nvmlGpmSampleAlloc()]
            nvml.nvmlGpmSampleGet(self.handle, self._samples[1])
            self._activity = self._compare_samples() if self._activity is not None else {}
        return (self._activity or {}).get(metric)

    def _compare_samples(self) -> dict[str, float]:
        version = nvml.NVML_GPM_METRICS_GET_VERSION
        question = nvml.c_nvmlGpmMetricsGet_t(version=version, numMetrics=len(ACTIVITIES))
        question.sample1, question.sample2 = self._samples
        for place, name in enumerate(ACTIVITIES):
            question.metrics[place].metricId = getattr(nvml, name)
        nvml.nvmlGpmMetricsGet(question)
        answers = zip(ACTIVITIES, question.metrics, strict=False)  # there is room for more answers
        return {name: answer.value for name, answer in answers if answer.nvmlReturn == nvml.NVML_SUCCESS}

    def _or_none(self, ask: Callable[[Any], Any]) -> Any:
        return _or_none(lambda: ask(self.handle))


def _is_first_namespace() -> bool:
    with contextlib.suppress(OSError):
        return str(PID_NAMESPACE.readlink()) == FIRST_NAMESPACE
    return False


def is_absent(error: Exception) -> bool:
    """Whether it says that this GPU or driver has no such thing, and never will."""
    if nvml is None:
        return False
    absent = (
        nvml.NVML_ERROR_NOT_SUPPORTED,
        nvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        nvml.NVML_ERROR_NO_PERMISSION,
    )
    return getattr(error, "value", None) in absent


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpus:
    """Our GPUs, as the workload counts them."""

    devices: tuple[Device, ...] = ()
    lost: tuple[int, ...] = ()  # numbers of those that do not answer
    faults: tuple[str, ...] = ()  # what is wrong with some of them, in words
    driver: str = ""  # version
    cuda: str = ""  # newest version that the driver serves
    why_none: str = ""  # in words, where there are none


def find_gpus(environ: Mapping[str, str]) -> Gpus:
    """Those that the environment leaves to us."""
    if nvml is None:
        return Gpus(why_none="the package nvidia-ml-py is not installed")
    try:
        nvml.nvmlInit()
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        return Gpus(why_none=f"NVIDIA's driver does not answer: {error}")
    names = visible(environ, count=count)
    devices, lost, faults = [], [], [*_doubt_of_order(environ, names, count=count)]
    for number, name in enumerate(names):
        try:
            devices.append(Device(_handle(name), number))
        except nvml.NVMLError as error:  # the others are there all the same
            lost.append(number)
            faults.append(f"gpu{number} does not answer: {error}")
    version = _or_none(nvml.nvmlSystemGetCudaDriverVersion)
    return Gpus(
        devices=tuple(devices),
        lost=tuple(lost),
        faults=tuple(faults),
        driver=str(_or_none(nvml.nvmlSystemGetDriverVersion) or ""),
        cuda=f"{version // 1000}.{version % 1000 // 10}" if version else "",
        why_none="" if devices else "; ".join(faults) or "none is visible",
    )


def _doubt_of_order(environ: Mapping[str, str], names: Sequence[str], *, count: int) -> Iterator[str]:
    """NVML counts by place on the bus, CUDA the fastest first; for GPUs of one model both are the same."""
    by_number = any(name.isdigit() for name in names)
    if not by_number or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return
    models = {
        _or_none(lambda: str(nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(number))))  # noqa: B023
        for number in range(count)
    }
    if len(models - {None}) > 1:
        yield "GPUs of several models: CUDA may number them otherwise without CUDA_DEVICE_ORDER=PCI_BUS_ID"


def _or_none(ask: Callable[[], Any]) -> Any:
    with contextlib.suppress(nvml.NVMLError):
        return ask()
    return None


def visible(environ: Mapping[str, str], *, count: int) -> list[str]:
    """Numbers (as NVML counts) or UUIDs of the GPUs that the environment leaves to us.

    Args:
        environ: CUDA_VISIBLE_DEVICES, and what Slurm says of the job.
        count: GPUs that NVML shows, which may be those of the whole node.
    """
    granted = environ.get("SLURM_STEP_GPUS") or environ.get("SLURM_JOB_GPUS") or ""
    ours = [name for name in granted.split(",") if name.isdigit()]
    if not ours or count <= len(ours):
        ours = [str(number) for number in range(count)]
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return ours
    chosen = []
    for name in (part.strip() for part in named.split(",")):
        if name.isdigit() and int(name) < len(ours):
            chosen.append(ours[int(name)])
        elif name in ours or name.startswith(("GPU-", "MIG-")):
            chosen.append(name)
        else:  # as CUDA does: the first that is not there ends the list
            break
    return chosen


def _handle(name: str) -> Any:
    """Handle of a number or UUID; of a GPU cut into MIG instances, that of the first, as CUDA takes it."""
    if not name.isdigit():
        return nvml.nvmlDeviceGetHandleByUUID(name)
    handle = nvml.nvmlDeviceGetHandleByIndex(int(name))
    with contextlib.suppress(nvml.NVMLError):
        if nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE:
            return nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 0)
    return handle
