"""The line that starts a program inside a container image."""

from pathlib import Path


def container_prefix(runtime: str, *, image: str, workspace: Path) -> tuple[str, ...]:
    """What stands in front of a program so that it runs in `image`, sees the GPUs, and `workspace` under its own path.

    Args:
        runtime: apptainer or singularity; both take these options.
    """
    return (runtime, "exec", "--nv", "--bind", f"{workspace}:{workspace}", "--pwd", str(workspace), image)
