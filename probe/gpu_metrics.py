"""What can be read of a GPU through NVML: one row for each metric."""

from probe.gpu import DRAM, LINKS_RECEIVED, LINKS_SENT, SM, TENSOR, Device
from probe.metric import Metric


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
        answer = gpu.ask(function, *constants)
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
    Metric(
        "own_processes",
        "processes on the GPU that are watched",
        "NVML",
        lambda gpu: gpu.processes(ours=True),
        10,
    ),
    Metric(
        "other_processes",
        "processes on the GPU that are not watched",
        "NVML",
        lambda gpu: gpu.processes(ours=False),
        10,
    ),
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
