"""What a record says of where it was made: machine, code, environment; and whether it is the platform."""

import hashlib
import importlib.metadata
import platform
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from harness import __version__
from harness.code_version import MEASURING, SOURCES, code_version
from harness.engine.request import Engine
from harness.errors import ConfigError
from harness.measure.probe_command import ask_probe
from harness.measure.record import Code, Condition, Gpu, Machine
from harness.settings.platform import Platform, host_fits

# What the probe says of a machine, under the names of a record.
DESCRIBED = (
    *("cpu_model", "cores", "cpu_limit", "memory_bytes", "memory_limit_bytes"),
    *("os", "kernel", "driver", "cuda"),
)
# With these a GPU that a job was given is shared with other jobs.
SHARED_GPUS = ("SLURM_SHARDS_ON_NODE", "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE")
ENVIRONMENT = re.compile(
    r"(OMP|MKL|OPENBLAS)_NUM_THREADS|KMP_AFFINITY|CUDA_(VISIBLE_DEVICES|DEVICE_ORDER|LAUNCH_BLOCKING)|"
    r"PYTORCH_CUDA_ALLOC_CONF|TORCH_CUDNN_V8_API_ENABLED|"
    r"TF_(ENABLE_AUTO_MIXED_PRECISION|FORCE_GPU_ALLOW_GROWTH)|"
    r"NCCL_(DEBUG|P2P_DISABLE|IB_DISABLE)|"
    r"SLURM_(JOB_PARTITION|JOB_QOS|JOB_NUM_NODES|CPUS_ON_NODE|CPUS_PER_TASK|"
    r"GPUS_ON_NODE|JOB_GPUS|MEM_PER_NODE)"
)


def machine(*, host_name: bool) -> Machine:
    """What this machine is; `host_name`: name it, in place of a hash."""
    facts, name = ask_probe("describe"), socket.gethostname()
    return Machine(
        host=name if host_name else hashlib.sha256(name.encode()).hexdigest()[:12],
        python=platform.python_version(),
        gpus=tuple(Gpu(**gpu) for gpu in facts["gpus"]),
        **{name: facts[name] for name in DESCRIBED},
    )


def surroundings(here: Machine, folder: Path, environ: Mapping[str, str]) -> dict[str, Condition]:
    """What else decides the speed of this machine, for work in `folder`: `facts` of a record.

    Each is a value, `fact_table.ABSENT`, or None where it cannot be read.
    """
    tuning = ask_probe("describe")["tuning"]
    granted = environ.get("SLURM_STEP_GPUS") or environ.get("SLURM_JOB_GPUS")
    shares_gpus = any(name in environ for name in SHARED_GPUS)
    return {
        **tuning,
        "gpus_exclusive": bool(granted and not shares_gpus)
        or tuning["gpu_compute_mode"] == "exclusive process",
        "node_exclusive": environ.get("SLURM_CPUS_ON_NODE") == str(here.cores),
        "data_file_system": file_system(folder),
    }


def file_system(folder: Path) -> str | None:
    """Type of the file system that `folder` is on, such as ext4 or lustre; None where that is not told."""
    wanted, mounts = folder.resolve(), Path("/proc/self/mountinfo")
    found, longest = None, -1
    for line in mounts.read_text().splitlines() if mounts.exists() else ():
        before, _, after = line.partition(" - ")
        # Blanks in the name of a folder are written as octal numbers.
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))
        # Of two mounts on one point the later one is seen.
        if wanted.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = after.split()[0], len(point.parts)
    return found


def code(engine: Engine) -> Code:
    """What is being run."""
    version = code_version((*SOURCES, *MEASURING))
    packages: dict[str, str] = {}
    for each in importlib.metadata.distributions():
        # The first on the path is imported: a module's PYTHONPATH may hold another numpy than the pinned one.
        if name := each.metadata["Name"]:  # None of what a broken installation left behind
            packages.setdefault(name, each.version)
    return Code(
        harness_version=__version__,
        git_commit=version.commit or "",
        # Unknown is not clean: the words stand where changed files would, and the record is not comparable.
        dirty=(f"cannot tell: {version.doubt}",) if version.doubt else version.changed,
        packages=dict(sorted((engine.packages or packages).items())),
        image_made=engine.identity.image_made,
    )


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Those variables that decide speed, of an allow-list; nothing else is written down."""
    return {name: text for name, text in sorted(environ.items()) if ENVIRONMENT.fullmatch(name)}


def require_platform_match(wanted: Platform, here: Machine, environ: Mapping[str, str]) -> None:
    """Refuse to measure under a platform's name where the machine is not that platform.

    Raises:
        ConfigError: with what was checked, expected and found.
    """
    host, scheduler = socket.gethostname(), "slurm" if "SLURM_JOB_ID" in environ else "none"
    models = sorted({gpu.name for gpu in here.gpus})
    wrong = []
    if host_fits(wanted, host, login=False) is False:
        wrong.append(f"host: expected a name like {wanted.host_pattern}, found {host}")
    if wanted.scheduler != "none" and wanted.scheduler != scheduler:
        wrong.append(f"scheduler: expected a job of {wanted.scheduler}, found none")
    if wanted.gpu_model and not any(wanted.gpu_model in model for model in models):
        wrong.append(f"GPU: expected one called {wanted.gpu_model}, found {', '.join(models) or 'none'}")
    if wrong:
        raise ConfigError(
            f"this is not the platform {wanted.name}, so nothing is measured under its name:\n  "
            + "\n  ".join(wrong),
            remedy="measure there, or with --platform local",
        )
