"""What this machine is, and what can be read of a machine."""

import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from probe import cgroup, gpu_metrics, host
from probe.gpu import find_gpus
from probe.table import table
from probe.tuning import tuning

HEADING = ("metric", "unit", "beats", "meaning", "source")


def describe(environ: Mapping[str, str]) -> dict[str, Any]:
    """Facts by name; None or "" for what is not known, and no GPU that the environment keeps from us."""
    gpus = find_gpus(environ)
    return {
        "cpu_model": _cpu_model(),
        "cores": psutil.cpu_count() or 1,  # logical
        "cpu_limit": cgroup.cpu_limit(),  # cores that we may use
        "memory_bytes": psutil.virtual_memory().total,
        "memory_limit_bytes": cgroup.memory_limit_bytes(),
        "os": _os(),
        "kernel": platform.release(),
        "gpus": [device.describe() for device in gpus.devices],
        "why_no_gpus": gpus.why_none,
        "gpu_faults": list(gpus.faults),
        "driver": gpus.driver,
        "cuda": gpus.cuda,
        "tuning": tuning(gpus, environ),
    }


def as_text(facts: Mapping[str, Any]) -> str:
    """For people: a line for each fact, and one for each GPU."""
    plain = [
        (name, "none" if fact is None else str(fact))
        for name, fact in facts.items()
        if name not in ("gpus", "why_no_gpus", "gpu_faults", "tuning") and fact != ""
    ]
    tuned = facts.get("tuning", {})
    plain += [(name, "cannot be read" if fact is None else str(fact)) for name, fact in tuned.items()]
    gpus = [(f"gpu{number}", _gpu(each)) for number, each in enumerate(facts["gpus"])]
    gpus += [("fault", fault) for fault in facts.get("gpu_faults", ()) if facts["gpus"]]
    return table([*plain, *(gpus or [("gpus", f"none: {facts['why_no_gpus']}")])], numbers_from=2)


def _gpu(facts: Mapping[str, Any]) -> str:
    known = {name: fact for name, fact in facts.items() if name not in ("name", "mig") and fact is not None}
    more = [f"{name} {fact}" for name, fact in known.items()]
    return ", ".join([facts["name"], *more, *(["a MIG instance"] if facts["mig"] else [])])


def metrics() -> list[dict[str, Any]]:
    """Every metric that can be read: `metric`, `unit`, `beats` between two looks, `meaning`, `source`."""
    tables = (("", host.METRICS), ("gpu<n>_", gpu_metrics.METRICS))
    return [
        {
            "metric": prefix + one.key,
            "unit": one.unit,
            "beats": one.every,
            "meaning": one.meaning,
            "source": one.source,
        }
        for prefix, rows in tables
        for one in rows
    ]


def metrics_as_text() -> str:
    """For people."""
    rows = [[str(one[name]) for name in HEADING] for one in metrics()]
    return table([HEADING, *rows], numbers_from=len(HEADING))


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    model = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return model[1].strip() if model else platform.processor() or platform.machine()


def _os() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.platform(terse=True)
