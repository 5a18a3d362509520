"""A platform: the machine's facts that decide where and how a run is started."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from harness.errors import ConfigError
from harness.own_files import personal_file
from harness.settings.declared import declared_names, find_declared, read_toml
from harness.settings.table import from_table

# What a job is charged to and where it runs; each platform must, may or must never be given them.
IDENTITY = ("account", "qos", "partition", "constraint")
WALL_TIME = re.compile(r"(?:(\d+)-)?(\d{1,2}):(\d{2}):(\d{2})")
# May stand in a batch script's header as they are.
PLAIN = re.compile(r"[\w.,:+|&*@=/-]*")
OPTION = r"--[\w-]+(=[\w.,:+|&*@=/{}-]*)?"
CHOICES = {
    "status": ("in service", "retired", "unknown"),
    "scheduler": ("none", "slurm"),
    "compute_network": ("yes", "no", "unknown"),
    **{f"{name}_use": ("must", "may", "never") for name in IDENTITY},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """What `specs/platforms/<name>.toml` says; settings given elsewhere override it.

    An empty text and 0 mean that nobody knows, or that it does not matter.
    """

    name: str
    title: str
    status: str = "unknown"  # whether the machine still takes jobs
    status_note: str = ""  # for whom that holds, and since when
    successor: str = ""  # the platform to go to where this one is closed
    facts_date: str = ""  # year-month-day of the newest fact
    image: str = ""  # container image of the engine `tao`
    tao_version: str = "3.21.11"  # which TAO that image holds
    gpus: int = 1  # on each node
    nodes: int = 1
    # Who may run under this name.
    host_pattern: str = ""  # regular expression of the host names that work
    login_pattern: str = ""  # and of those people log in to
    gpu_model: str = ""  # part of the name that NVML has for the GPU
    arch: str = ""  # of compute nodes, as `uname -m` says it
    compute_capability: float = 0.0
    driver: str = ""  # of the GPUs
    gpus_per_node: int = 0
    whole_nodes: bool = False  # a job on several nodes must take all GPUs of each
    refuses: Mapping[str, str] = field(default_factory=dict)  # engine -> why it cannot run there
    # The queue.
    scheduler: str = "none"
    account: str = ""
    account_use: str = "may"
    qos: str = ""
    qos_use: str = "may"
    partition: str = ""
    partition_use: str = "may"
    constraint: str = ""
    constraint_use: str = "may"
    gpu_request: str = "--gres=gpu:{gpus}"  # {gpus}: on each node
    cpus_per_gpu: int = 0
    mem_per_cpu_mb: int = 0
    options: tuple[str, ...] = ()  # further options of sbatch
    wall_time: str = ""  # [days-]hours:minutes:seconds that are asked for
    wall_time_limit: str = ""
    warn_s: int = 300  # how long before the limit a run is told to stop
    requeue: bool = True  # whether a job may be put back into the queue
    poll_s: float = 30.0  # between two questions to the scheduler, of all runs of a user together
    # Inside a job.
    prepare: tuple[str, ...] = ()  # shell lines before anything else
    scratch: str = ""  # fast folder on the node; shell variables of the job may stand in it
    stage_inputs: bool = False  # frames are copied there before training
    compute_network: str = "unknown"  # whether compute nodes reach the internet
    container: tuple[str, ...] = ("apptainer", "singularity")  # commands, the first that is there is taken
    container_on_login: bool = True  # whether login nodes have them too
    container_flags: tuple[str, ...] = ("--nv",)
    binds: tuple[str, ...] = ()  # folders that containers see besides the workspace


def complaint(platform: Platform) -> str:
    """What cannot be in a platform's file, in words; "" where all is well."""
    said = {name: getattr(platform, name) for name in platform.__slots__}
    for name, known in CHOICES.items():
        if said[name] not in known:
            return f"{name} is '{said[name]}', expected one of {', '.join(known)}"
    patterns = {
        **dict.fromkeys(
            ("wall_time", "wall_time_limit"), (f"({WALL_TIME.pattern})?", "[days-]hours:minutes:seconds")
        ),
        **dict.fromkeys(IDENTITY, (PLAIN.pattern, "a name without blanks and quotes")),
        "gpu_request": (OPTION, "one option of sbatch, such as --gres=gpu:{gpus}"),
        "scratch": (r"[\w./$-]*", "a path, in which variables such as $USER may stand"),
    }
    for name, (pattern, expected) in patterns.items():
        if not re.fullmatch(pattern, said[name]):
            return f"{name} is '{said[name]}', expected {expected}"
    odd = [option for option in platform.options if not re.fullmatch(OPTION, option)]
    if odd:
        return f"options has '{odd[0]}', expected single options of sbatch, such as --exclusive"
    odd = [name for name in IDENTITY if said[name] and said[f"{name}_use"] == "never"]
    if odd:
        return f"{odd[0]} is '{said[odd[0]]}', but {odd[0]}_use is never"
    if platform.scheduler == "slurm" and not platform.wall_time:
        return "wall_time is missing, which a queue needs"
    if platform.stage_inputs and not platform.scratch:
        return "stage_inputs is true, but scratch is empty"
    if not platform.container:
        return "container is empty, expected at least one program such as apptainer"
    try:
        re.compile(f"{platform.host_pattern}|{platform.login_pattern}")
    except re.error as error:
        return f"host_pattern or login_pattern is no regular expression: {error}"
    return ""


def wall_time_s(text: str) -> int:
    """Seconds of `[days-]hours:minutes:seconds`.

    Raises:
        ValueError: it is not written like that.
    """
    found = WALL_TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def load_platform(name_or_path: str) -> Platform:
    """The platform of that name, or of the file at that path; its `personal_file` overrides it.

    Raises:
        ConfigError: there is no such file, or it says something that a platform does not say.
    """
    path = find_declared("platforms", name_or_path)
    table, mine = read_toml(path), personal_file(path)
    if mine.is_file():
        table |= read_toml(mine)
    platform = from_table(Platform, {"name": path.stem, **table}, where=str(path))
    if wrong := complaint(platform):
        raise ConfigError(f"{path}: {wrong}", remedy="correct that line")
    return platform


def platforms() -> list[Platform]:
    """Every platform there is a file for, by name."""
    return [load_platform(name) for name in declared_names("platforms")]


def this_machine() -> str:
    """The platform of a machine without a queue: the kernel's name tells WSL 2."""
    return "wsl2" if "microsoft" in os.uname().release.lower() else "local"


def host_fits(platform: Platform, host: str, *, login: bool) -> bool | None:
    """Whether the whole host name matches a pattern of the platform; None where its file has no pattern.

    Host names alone prove nothing: True means that the name does not speak against it.

    Args:
        host: as `hostname` prints it.
        login: whether a login node counts as well as a compute node.
    """
    patterns = [platform.host_pattern, platform.login_pattern if login else ""]
    known = [pattern for pattern in patterns if pattern]
    return any(re.fullmatch(pattern, host) for pattern in known) if known else None


def node_scratch(platform: Platform, environ: Mapping[str, str]) -> Path | None:
    """The folder to which a job of `environ` copies its inputs; None where it copies none."""
    if not platform.stage_inputs or "SLURM_JOB_ID" not in environ:
        return None
    return Path(Template(platform.scratch).safe_substitute(environ))


def goes_to_queue(platform: Platform, environ: Mapping[str, str]) -> bool:
    """Whether work for the platform is submitted to its queue; inside a job it is done on the spot."""
    return platform.scheduler == "slurm" and "SLURM_JOB_ID" not in environ
