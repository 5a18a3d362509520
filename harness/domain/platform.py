"""A platform: the machine's facts that decide how an engine is started."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """What `specs/platforms/<name>.toml` says; settings given elsewhere override it."""

    name: str
    title: str
    image: str = ""  # container image of the engine `tao`
    tao_version: str = "3.21.11"  # which TAO that image holds
    gpus: int = 1
    nodes: int = 1
    container_flags: tuple[str, ...] = ("--nv",)
    binds: tuple[str, ...] = ()  # folders that containers see besides the workspace
    # What a machine must be like to be measured under this name; empty and "none" fit any.
    host_pattern: str = ""  # regular expression of the host's name
    scheduler: str = "none"  # or slurm
    gpu_model: str = ""  # part of the name NVML gives the GPU
