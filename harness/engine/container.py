"""The container program of a platform, the line that starts it, and the environment inside."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.settings.platform import Platform, node_scratch, this_machine
from harness.settings.variables import Settings

# The only variables of our environment that are passed into a container.
PASSED = ("CUDA_VISIBLE_DEVICES", "JAMCAM_KEY", "OMP_NUM_THREADS", "PYTHONUNBUFFERED", "TELEMETRY_OPT_OUT")


def container_program(platform: Platform) -> str | None:
    """The first of the platform's container commands that is on PATH, or None where none is."""
    return next(filter(shutil.which, platform.container), None)


def container_command(platform: Platform) -> str:
    """The same for lines that may run elsewhere: where none is on PATH, the first that the platform names."""
    return container_program(platform) or platform.container[0]


def on_wsl() -> bool:
    """Whether this Linux runs inside Windows."""
    return this_machine() == "wsl2"


def prefix_in_image(settings: Settings, folder: Path) -> tuple[str, ...]:
    """What starts a program in the image of these settings, with `folder` to work in."""
    flags, binds = settings.platform.container_flags, settings.platform.binds
    scratch = node_scratch(settings.platform, os.environ)
    if scratch and scratch.is_dir():
        binds = (*binds, str(scratch))
    if on_wsl() and "--nvccli" not in flags:
        flags = (*flags, "--nvccli")  # --nv alone finds no driver there
    return container_prefix(
        container_command(settings.platform),
        image=settings.image,
        workspace=folder,
        real=folder.resolve(),
        flags=flags,
        binds=binds,
    )


def container_prefix(
    program: str,
    *,
    image: str,
    workspace: Path,
    real: Path,
    flags: Sequence[str] = ("--nv",),
    binds: Sequence[str] = (),
) -> tuple[str, ...]:
    """What stands in front of a program so that it runs in `image` and sees `workspace` under its own path.

    Args:
        program: apptainer or singularity; both take these options.
        real: where `workspace` really lies: a link may lead to a place that is not there inside.
        flags: how the GPUs get in.
        binds: further folders, as --bind takes them.
    """
    # With process numbers of its own, all that runs inside dies with the process we started.
    words = [program, "exec", *flags, "--pid", "--cleanenv"]
    for bind in (f"{real}:{workspace}", *binds):
        words += ["--bind", bind]
    return (*words, "--pwd", str(workspace), image)


def container_environment(program: str, names: Mapping[str, str]) -> dict[str, str]:
    """`names`, and those of them that an engine needs marked to go into a container."""
    mark = f"{Path(program).name.upper()}ENV_"
    passed = {f"{mark}{name}": names[name] for name in PASSED if name in names}
    # A home that is bound may hold packages for another Python.
    return {**names, **passed, f"{mark}PYTHONNOUSERSITE": "1"}
