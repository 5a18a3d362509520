"""Records, samples, phases and markers made in code, with numbers a test chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.measure.fact_table import ABSENT
from harness.measure.record import (
    Code,
    Energy,
    Gpu,
    Machine,
    Measurement,
    Observed,
    PhaseSummary,
    Probe,
    Record,
    Run,
    Series,
)
from harness.workspace.marker import Marker, Product

A_GPU = Gpu(name="NVIDIA Made-up 100", uuid="GPU-0", memory_bytes=40 * 2**30, power_limit_w=400.0, mig=False)
START_UNIX_S = 1_772_360_100.0
# Of a machine without GPU, cpufreq and powercap: what is not named here is not there.
FACTS = {
    **dict.fromkeys(("cpu_governor", "cpu_max_mhz", "cpu_boost", "cpu_power_limit_w"), ABSENT),
    **dict.fromkeys(("gpus", "gpu_clocks_asked_mhz", "gpu_ecc", "gpu_power_limit_default_w"), ABSENT),
    **dict.fromkeys(("gpu_persistence", "gpu_compute_mode"), ABSENT),
    **{"threads_per_core": 1, "numa_nodes": 1, "affinity_numa_nodes": 1, "cpu_affinity": "0-1"},
    **{"container": "bare", "data_file_system": "ext4", "data_caches": "warm"},
    **{
        "device": "cpu",
        "processor": "AVX2",
        "torch": "2.5.1+cpu",
        "torch_threads": 2,
        "number_format": "fp32",
        "numbers": "fp32, as asked for",
        "runtime": "PyTorch",
    },
    **{"flops_per_image": 2 * 10**9, "matmul_flops_per_s": 5e11},
    **{"gpus_exclusive": False, "node_exclusive": False},
}


def marker(stage: str, *products: Product, **changes: Any) -> Marker:
    """The marker of a stage without an engine, that took 1.5 s, with what a test chooses in place of that."""
    plain = Marker(
        stage=stage,
        fingerprint="f" * 64,
        consumed={},
        products=products,
        engine=None,
        argv=(),
        started_utc="2026-11-23T23:00:00.000Z",
        finished_utc="2026-11-23T23:00:01.500Z",
        duration_s=1.5,
        harness_version="0.1.0",
        git_commit=None,
    )
    return replace(plain, **changes)


def machine(
    *, gpus: int = 0, name: str = A_GPU.name, cpu: str = "Made(R) Up(TM) CPU E5 @ 2.50GHz"
) -> Machine:
    """A machine with that many GPUs of that name."""
    return Machine(
        host="0123456789ab",
        cpu_model=cpu,
        cores=2,
        memory_bytes=24 * 2**30,
        os="Debian GNU/Linux 12",
        kernel="6.1.0",
        python="3.11.7",
        cpu_limit=None,
        memory_limit_bytes=None,
        gpus=tuple(
            Gpu(name=name, uuid=f"GPU-{number}", memory_bytes=40 * 2**30, power_limit_w=400.0, mig=False)
            for number in range(gpus)
        ),
        driver="550.54" if gpus else "",
        cuda="12.4" if gpus else "",
    )


def run(
    number: int,
    measured: Mapping[str | tuple[str, str], Sequence[float | None]],
    *,
    images: int = 0,
    energy: Sequence[Energy] = (),
    duration_s: float = 10.0,
) -> Run:
    """A run with measurements {name: values}, or {(name, of): values}."""
    named = [(name if isinstance(name, tuple) else (name, ""), values) for name, values in measured.items()]
    return Run(
        number=number,
        started_unix_s=START_UNIX_S + 20 * number,
        duration_s=duration_s,
        probed=True,
        images=images,
        measurements=tuple(
            Measurement(name=name, of=of, values=tuple(values)) for (name, of), values in named
        ),
        energy=tuple(energy),
    )


def record(
    case: str = "train",
    rates: Sequence[float] = (),
    *,
    platform: str = "local",
    runs: Sequence[Run] = (),
    started: str = "2026-03-01T10:15:00Z",
    bench: str = "20260301T101200Z-0000",
    conditions: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Record:
    """A clean record; `rates` are the training throughputs of as many runs."""
    stamp = started.replace("-", "").replace(":", "")
    common = {
        "recipe": "sample",
        "engine": "portable",
        "precision": "fp32",
        "batch": 4,
        "gpus": 1,
        "nodes": 1,
        "seed": 42,
    }
    facts: dict[str, Any] = {
        "id": f"{stamp}-{case}-0000",
        "bench": bench,
        "platform": platform,
        "case": case,
        "status": "ok",
        "started_utc": started,
        "finished_utc": started,
        "conditions": {**common, **(conditions or {})},
        "machine": machine(),
        "code": Code(
            harness_version="0.1.0",
            git_commit="0123456789abcdef0123456789abcdef01234567",
            dirty=(),
            packages={},
        ),
        "environment": {},
        "facts": FACTS,
        "runs": tuple(runs)
        or tuple(run(n, {"train_images_per_s": [rate]}) for n, rate in enumerate(rates, 1)),
        "observed": observed(),
        "probe": watched(),
    }
    return Record(**{**facts, **changes})


def observed(**changes: Any) -> Observed:
    """Nothing else went on."""
    quiet: dict[str, Any] = {
        "other_gpu_processes": None,
        "other_cpu_pct": 1.0,
        "throttle_reasons": (),
        "start_temperature_c": None,
        "ecc_errors": None,
        "xid_events": None,
        "clock_jump_s": 0.0,
    }
    return Observed(**{**quiet, **changes})


def watched(**changes: Any) -> Probe:
    """A sampler that kept its beat."""
    kept: dict[str, Any] = {
        "gpu_hz": 10.0,
        "host_hz": 1.0,
        "samples": 200,
        "missed_beats": 0,
        "beat_error_p95_s": 0.001,
        "cpu_pct": 0.3,
        "gaps_s": (),
        "faults": (),
    }
    return Probe(**{**kept, **changes})


def joules(
    energy_j: float | None, *, device: str = "gpu0", method: str = "counter", coverage_pct: float = 99.0
) -> Energy:
    """Energy of one device in one run."""
    return Energy(device=device, method=method, energy_j=energy_j, refresh_s=0.1, coverage_pct=coverage_pct)


def series(metric: str, *, mean: float, high: float) -> Series:
    """A column of the samples in short."""
    return Series(
        metric=metric,
        samples=100,
        missing=0,
        mean=mean,
        median=mean,
        p95=high,
        low=0.0,
        high=high,
        change=None,
    )


def phase(name: str, total_s: float, **means: float) -> PhaseSummary:
    """A phase in short."""
    return PhaseSummary(phase=name, count=1, total_s=total_s, means=means)


def samples(
    columns: Mapping[str, Sequence[float]], *, hz: float = 1.0, start_s: float = START_UNIX_S + 20
) -> dict[str, Any]:
    """Columns as the store reads them, on an even beat."""
    length = len(next(iter(columns.values())))
    times = {"unix_s": start_s + np.arange(length) / hz, "late_s": np.zeros(length)}
    return {**times, **{name: np.asarray(values, dtype=float) for name, values in columns.items()}}


def training_phases(
    *,
    run: int = 1,
    start_s: float = START_UNIX_S + 20,
    staging: float = 0.0,
    start_up: float = 2.0,
    wait: float = 1.0,
    compute: float = 6.0,
    validation: float = 0.5,
    checkpoints: float = 0.3,
    tells_steps: bool = True,
) -> list[dict[str, Any]]:
    """The phases of a training of two epochs, one after the other, with these seconds in all of each kind."""
    epoch = {"duration_s": (wait + compute) / 2}
    if tells_steps:
        epoch |= {"wait_s": [wait / 8] * 4, "work_s": [compute / 8] * 4}  # type: ignore[dict-item]
    rows: list[dict[str, Any]] = []
    for row in (
        {"phase": "staging", "duration_s": staging},
        {"phase": "launch", "duration_s": start_up / 2},
        {"phase": "start-up", "duration_s": start_up / 2},
        *(
            row
            for number in (1, 2)
            for row in (
                {"phase": "epoch", "epoch": number, **epoch},
                {"phase": "validation", "epoch": number, "duration_s": validation / 2},
                {"phase": "checkpoint", "epoch": number, "duration_s": checkpoints / 2},
            )
        ),
    ):
        rows.append({**row, "run": run, "started_unix_s": start_s})
        start_s += float(row["duration_s"])  # type: ignore[arg-type]
    return rows
