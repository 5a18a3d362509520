"""NVIDIA GPUs, through NVML: those that are ours, and what can be read of them."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from probe.metric import Metric

try:
    import pynvml as nvml
except ImportError:  # of the package nvidia-ml-py; without it there are no GPUs to read
    nvml = None

ALL_LINKS = 0xFFFFFFFF
# Names of NVML's constants, so that the table of metrics is there where the package is not.
LINKS_SENT = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX"
LINKS_RECEIVED = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX"
SM = "NVML_GPM_METRIC_SM_UTIL"
TENSOR = "NVML_GPM_METRIC_ANY_TENSOR_UTIL"
DRAM = "NVML_GPM_METRIC_DRAM_BW_UTIL"
ACTIVITIES = (SM, TENSOR, DRAM)


class Device:
    """One GPU or MIG instance, with what must be remembered between two looks."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.uuid = str(nvml.nvmlDeviceGetUUID(handle))
        self.mig = self.uuid.startswith("MIG-")
        self.absent: set[str] = set()
        self.pids_of_ours: Collection[int] = ()
        self._xids = 0
        self._events: Any = None
        self._samples: list[Any] = []
        self._activity: dict[str, float] | None = None

    def describe(self) -> dict[str, Any]:
        """name, uuid, memory_bytes, power_limit_w and mig; None for what the driver does not tell."""
        limit = self._or_none(nvml.nvmlDeviceGetEnforcedPowerLimit)
        memory = self._or_none(nvml.nvmlDeviceGetMemoryInfo)
        return {
            "name": str(nvml.nvmlDeviceGetName(self.handle)),
            "uuid": self.uuid,
            "memory_bytes": int(memory.total) if memory else None,
            "power_limit_w": limit / 1000 if limit else None,
            "mig": self.mig,
        }

    def others(self) -> int:
        """Processes on this GPU that are not ours."""
        running = nvml.nvmlDeviceGetComputeRunningProcesses(self.handle)
        return sum(process.pid not in self.pids_of_ours for process in running)

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
        with contextlib.suppress(nvml.NVMLError):
            return ask(self.handle)
        return None


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


def _call(
    key: str,
    meaning: str,
    function: str,
    *constants: str,
    field: str = "",
    scale: float = 1.0,
    every: int = 1,
) -> Metric[Device]:
    """A metric that is one call of NVML, or one field of its answer."""

    def read(gpu: Device) -> float:
        answer = getattr(nvml, function)(gpu.handle, *(getattr(nvml, name) for name in constants))
        return float(getattr(answer, field) if field else answer) * scale

    return Metric(key, meaning, function, read, every)


# Calls that block for 20 ms, or whose answer changes slowly, have a slower pace.
METRICS: tuple[Metric[Device], ...] = (
    _call(
        "utilisation_pct",
        "share of time in which a kernel was running",
        "nvmlDeviceGetUtilizationRates",
        field="gpu",
    ),
    _call("memory_used_bytes", "memory in use by any process", "nvmlDeviceGetMemoryInfo", field="used"),
    _call("power_w", "power of the board", "nvmlDeviceGetPowerUsage", scale=1e-3),
    _call("energy_total_j", "energy counter of the board", "nvmlDeviceGetTotalEnergyConsumption", scale=1e-3),
    _call("sm_clock_mhz", "clock of the multiprocessors", "nvmlDeviceGetClockInfo", "NVML_CLOCK_SM"),
    _call("memory_clock_mhz", "clock of the memory", "nvmlDeviceGetClockInfo", "NVML_CLOCK_MEM", every=10),
    _call(
        "temperature_c",
        "temperature of the chip",
        "nvmlDeviceGetTemperature",
        "NVML_TEMPERATURE_GPU",
        every=10,
    ),
    _call(
        "ecc_errors_total",
        "memory errors that could not be corrected",
        "nvmlDeviceGetTotalEccErrors",
        "NVML_MEMORY_ERROR_TYPE_UNCORRECTED",
        "NVML_VOLATILE_ECC",
        every=10,
    ),
    _call(
        "pcie_sent_bytes_per_s",
        "sent by the GPU over PCIe",
        "nvmlDeviceGetPcieThroughput",
        "NVML_PCIE_UTIL_TX_BYTES",
        scale=1024,
        every=10,
    ),
    _call(
        "pcie_received_bytes_per_s",
        "received by the GPU over PCIe",
        "nvmlDeviceGetPcieThroughput",
        "NVML_PCIE_UTIL_RX_BYTES",
        scale=1024,
        every=10,
    ),
    Metric("throttle_reasons", "bits: why clocks are held down", "NVML", Device.throttled),
    Metric("other_processes", "processes on the GPU that are not watched", "NVML", Device.others, 10),
    Metric("xid_events_total", "critical errors that the driver reported", "NVML events", Device.xids, 10),
    Metric(
        "nvlink_sent_total_bytes",
        "sent by the GPU over NVLink",
        "NVML",
        lambda gpu: gpu.nvlink_bytes(LINKS_SENT),
        10,
    ),
    Metric(
        "nvlink_received_total_bytes",
        "received by the GPU over NVLink",
        "NVML",
        lambda gpu: gpu.nvlink_bytes(LINKS_RECEIVED),
        10,
    ),
    Metric(
        "sm_activity_pct", "busy share of the multiprocessors", "NVML GPM", lambda gpu: gpu.activity(SM), 10
    ),
    Metric(
        "tensor_activity_pct",
        "busy share of the tensor cores",
        "NVML GPM",
        lambda gpu: gpu.activity(TENSOR),
        10,
    ),
    Metric(
        "dram_bandwidth_pct",
        "share of the memory bandwidth in use",
        "NVML GPM",
        lambda gpu: gpu.activity(DRAM),
        10,
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpus:
    """Our GPUs, as the workload counts them."""

    devices: tuple[Device, ...] = ()
    driver: str = ""  # version
    cuda: str = ""  # newest version that the driver serves
    why_none: str = ""  # in words, where there are none


def find_gpus(environ: Mapping[str, str]) -> Gpus:
    """Those that the environment leaves to us."""
    if nvml is None:
        return Gpus(why_none="the package nvidia-ml-py is not installed")
    try:
        nvml.nvmlInit()
        version = nvml.nvmlSystemGetCudaDriverVersion()
        driver, cuda = str(nvml.nvmlSystemGetDriverVersion()), f"{version // 1000}.{version % 1000 // 10}"
        devices = tuple(Device(_handle(name)) for name in visible(environ, count=nvml.nvmlDeviceGetCount()))
    except nvml.NVMLError as error:
        return Gpus(why_none=f"NVIDIA's driver does not answer: {error}")
    return Gpus(devices=devices, driver=driver, cuda=cuda, why_none="" if devices else "none is visible")


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
