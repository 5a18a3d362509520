"""Print a ReFrame site configuration of the Slurm platforms: `python docs/reframe_site.py > site.json`."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.settings.platform import Platform, platforms


def site(known: list[Platform]) -> dict[str, Any]:
    """The configuration, as ReFrame 4 reads it; a person's account and qos are left to its option -J."""
    systems = [system(platform) for platform in known if platform.scheduler == "slurm"]
    return {"systems": systems, "environments": [{"name": "builtin", "cc": "cc", "cxx": "", "ftn": ""}]}


def system(platform: Platform) -> dict[str, Any]:
    """One site with one partition, that of the GPU nodes."""
    hosts = [pattern for pattern in (platform.login_pattern, platform.host_pattern) if pattern]
    return {
        "name": platform.name,
        "descr": platform.title,
        "hostnames": hosts or [f"{platform.name}-is-named-by-option-only"],
        "modules_system": "nomod",  # prepare_cmds load what is needed
        "partitions": [partition(platform)],
    }


def partition(platform: Platform) -> dict[str, Any]:
    """The partition; {num_gpus_per_node} is what tests of ReFrame ask for."""
    chosen = {"partition": platform.partition, "qos": platform.qos, "constraint": platform.constraint}
    memory = [f"--mem-per-cpu={platform.mem_per_cpu_mb}"] if platform.mem_per_cpu_mb else []
    gpu = {
        "type": "gpu",
        "arch": f"sm_{round(10 * platform.compute_capability)}",
        "model": platform.gpu_model,
    }
    return {
        "name": "gpu",
        "descr": f"facts of {platform.facts_date or 'no date'}, {platform.status}",
        "scheduler": "slurm",
        "launcher": "srun",
        "access": [
            *(f"--{name}={value}" for name, value in chosen.items() if value),
            *memory,
            *platform.options,
        ],
        "environs": ["builtin"],
        "prepare_cmds": list(platform.prepare),
        "container_platforms": [{"type": name.capitalize()} for name in platform.container],
        "resources": [
            {"name": "_rfm_gpu", "options": [platform.gpu_request.format(gpus="{num_gpus_per_node}")]}
        ],
        "processor": {"arch": platform.arch} if platform.arch else {},
        "devices": [{**gpu, "num_devices": platform.gpus_per_node}] if platform.gpus_per_node else [],
        "features": ["gpu"],
        "extras": {"cpus_per_gpu": platform.cpus_per_gpu, "compute_network": platform.compute_network},
    }


if __name__ == "__main__":
    print(json.dumps(site(platforms()), indent=2))
