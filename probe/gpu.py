"""NVIDIA GPUs, through NVML: those that are ours, and what can be read of them."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pynvml as nvml

from probe.metric import Metric

ABSENT = (nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_FUNCTION_NOT_FOUND, nvml.NVML_ERROR_NO_PERMISSION)
ALL_LINKS = 0xFFFFFFFF
LINKS_SENT, LINKS_GOT = nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX
SM, TENSOR, DRAM = nvml.NVML_GPM_METRIC_SM_UTIL, nvml.NVML_GPM_METRIC_ANY_TENSOR_UTIL, nvml.NVML_GPM_METRIC_DRAM_BW_UTIL


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
        self._activity: dict[int, float] | None = None

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
        found = nvml.nvmlDeviceGetComputeRunningProcesses(self.handle)
        return sum(process.pid not in self.pids_of_ours for process in found)

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

    def nvlink_bytes(self, field: int) -> float:
        """Bytes over all NVLinks since the driver was loaded."""
        (value,) = nvml.nvmlDeviceGetFieldValues(self.handle, [(field, ALL_LINKS)])
        if value.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(value.nvmlReturn)
        return float(value.value.ullVal * 1024)

    def activity(self, metric: int) -> float | None:
        """Percent since the last look at SM, which comes first; None at the very first (Hopper and newer)."""
        if metric == SM:
            if not nvml.nvmlGpmQueryDeviceSupport(self.handle).isSupportedDevice:
                raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
            # Two samples that change places: the older one is overwritten.
            self._samples = self._samples[::-1] or [nvml.nvmlGpmSampleAlloc(), nvml.nvmlGpmSampleAlloc()]
            nvml.nvmlGpmSampleGet(self.handle, self._samples[1])
            self._activity = self._compare_samples() if self._activity is not None else {}
        return (self._activity or {}).get(metric)

    def _compare_samples(self) -> dict[int, float]:
        question = nvml.c_nvmlGpmMetricsGet_t(version=nvml.NVML_GPM_METRICS_GET_VERSION, numMetrics=3)
        question.sample1, question.sample2 = self._samples
        for place, metric in enumerate((SM, TENSOR, DRAM)):
            question.metrics[place].metricId = metric
        nvml.nvmlGpmMetricsGet(question)
        return {one.metricId: one.value for one in question.metrics[:3] if one.nvmlReturn == nvml.NVML_SUCCESS}

    def _or_none(self, ask: Callable[[Any], Any]) -> Any:
        with contextlib.suppress(nvml.NVMLError):
            return ask(self.handle)
        return None


def _row(
    key: str, function: str, *arguments: int, field: str = "", scale: float = 1.0, every: int = 1
) -> Metric[Device]:
    """A metric that is one call of NVML, or one field of its answer."""

    def read(gpu: Device) -> float:
        answer = getattr(nvml, function)(gpu.handle, *arguments)
        return float(getattr(answer, field) if field else answer) * scale

    return Metric(key=key, source=function, read=read, every=every)


# Calls that block for 20 ms, or whose answer changes slowly, have a slower pace.
METRICS: tuple[Metric[Device], ...] = (
    _row("utilisation_pct", "nvmlDeviceGetUtilizationRates", field="gpu"),
    _row("memory_used_bytes", "nvmlDeviceGetMemoryInfo", field="used"),
    _row("power_w", "nvmlDeviceGetPowerUsage", scale=1e-3),
    _row("energy_total_j", "nvmlDeviceGetTotalEnergyConsumption", scale=1e-3),
    _row("sm_clock_mhz", "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
    _row("memory_clock_mhz", "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM, every=10),
    _row("temperature_c", "nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU, every=10),
    _row("ecc_errors_total", "nvmlDeviceGetTotalEccErrors", nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, 0, every=10),
    _row("pcie_sent_bytes_per_s", "nvmlDeviceGetPcieThroughput", nvml.NVML_PCIE_UTIL_TX_BYTES, scale=1024, every=10),
    _row(
        "pcie_received_bytes_per_s", "nvmlDeviceGetPcieThroughput", nvml.NVML_PCIE_UTIL_RX_BYTES, scale=1024, every=10
    ),
    Metric(key="throttle_reasons", source="NVML, bits", read=Device.throttled),
    Metric(key="other_processes", source="NVML", read=Device.others, every=10),
    Metric(key="xid_events_total", source="NVML events", read=Device.xids, every=10),
    Metric(key="nvlink_sent_total_bytes", source="NVML", read=lambda gpu: gpu.nvlink_bytes(LINKS_SENT), every=10),
    Metric(key="nvlink_received_total_bytes", source="NVML", read=lambda gpu: gpu.nvlink_bytes(LINKS_GOT), every=10),
    Metric(key="sm_activity_pct", source="NVML GPM", read=lambda gpu: gpu.activity(SM), every=10),
    Metric(key="tensor_activity_pct", source="NVML GPM", read=lambda gpu: gpu.activity(TENSOR), every=10),
    Metric(key="dram_bandwidth_pct", source="NVML GPM", read=lambda gpu: gpu.activity(DRAM), every=10),
)


def our_gpus(environ: Mapping[str, str]) -> tuple[list[Device], dict[str, str]]:
    """Our GPUs as the workload counts them, and versions of `driver` and `cuda`; nothing where there are none."""
    try:
        nvml.nvmlInit()
        cuda = nvml.nvmlSystemGetCudaDriverVersion()
        versions = {"driver": str(nvml.nvmlSystemGetDriverVersion()), "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}"}
        names = visible(environ, count=nvml.nvmlDeviceGetCount())
        return [Device(_handle(name)) for name in names], versions
    except nvml.NVMLError:
        return [], {"driver": "", "cuda": ""}


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
    found = []
    for name in (part.strip() for part in named.split(",")):
        if name.isdigit() and int(name) < len(ours):
            found.append(ours[int(name)])
        elif name in ours or name.startswith(("GPU-", "MIG-")):
            found.append(name)
        else:  # as CUDA does: the first that is not there ends the list
            break
    return found


def _handle(name: str) -> Any:
    """Handle of a number or UUID; of a GPU cut into MIG instances, that of the first, as CUDA takes it."""
    if not name.isdigit():
        return nvml.nvmlDeviceGetHandleByUUID(name)
    handle = nvml.nvmlDeviceGetHandleByIndex(int(name))
    with contextlib.suppress(nvml.NVMLError):
        if nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE:
            return nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 0)
    return handle
