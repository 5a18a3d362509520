"""The line that starts a program inside a container image, and the environment that goes in with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

# All that an engine is told by the environment; the rest of ours stays outside.
PASSED = ("CUDA_VISIBLE_DEVICES", "JAMCAM_KEY", "OMP_NUM_THREADS", "PYTHONUNBUFFERED", "TELEMETRY_OPT_OUT")


def container_prefix(
    runtime: str,
    *,
    image: str,
    workspace: Path,
    real: Path,
    flags: Sequence[str] = ("--nv",),
    binds: Sequence[str] = (),
) -> tuple[str, ...]:
    """What stands in front of a program so that it runs in `image` and sees `workspace` under its own path.

    Args:
        runtime: apptainer or singularity; both take these options.
        real: where `workspace` really lies: a link may lead to a place that is not there inside.
        flags: how the GPUs get in.
        binds: further folders, as --bind takes them.
    """
    # With process numbers of its own, all that runs inside dies with the process we started.
    words = [runtime, "exec", *flags, "--pid", "--cleanenv"]
    for bind in (f"{real}:{workspace}", *binds):
        words += ["--bind", bind]
    return (*words, "--pwd", str(workspace), image)


def container_environment(runtime: str, names: Mapping[str, str]) -> dict[str, str]:
    """`names`, and those of them that an engine needs marked to go into a container."""
    mark = f"{Path(runtime).name.upper()}ENV_"
    passed = {f"{mark}{name}": names[name] for name in PASSED if name in names}
    # A home that is bound may hold packages for another Python.
    return {**names, **passed, f"{mark}PYTHONNOUSERSITE": "1"}
