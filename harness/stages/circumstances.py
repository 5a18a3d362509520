"""Under what a stage is tried: the part of the machine it may use, and the settings with their origins."""

import os
from pathlib import Path
from typing import Any

from harness import __version__
from harness.settings.variables import VARIABLES, Settings

# Of addresses and paths of a user there is nothing to be told to others.
TOLD = (
    *("recipe", "dataset", "engine", "platform", "tao_version"),
    *("epochs", "batch", "seed", "val_split", "numbers", "limit", "gpus", "nodes"),
    "checkpoint",
)


def circumstances(settings: Settings) -> dict[str, Any]:
    """What the request of an attempt tells besides what was asked, so that its cost can be told later.

    `cores` are those of one machine that this process may use, times `machines`; `gpus` are those of all.
    """
    fields = {variable.name: variable.field for variable in VARIABLES}
    values = {name: getattr(settings, fields[name]) for name in TOLD}
    return {
        "harness_version": __version__,
        "machines": settings.nodes,
        "gpus": settings.gpus * settings.nodes,
        "cores": _cores() * settings.nodes,
        "settings": {
            name: {"value": str(getattr(value, "name", value)), "origin": _plain(settings.origins[name])}
            for name, value in values.items()
        },
    }


def _cores() -> int:
    # Python has no sched_getaffinity on macOS.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plain(origin: str) -> str:
    """The name of a file in place of its path."""
    return Path(origin).name if "/" in origin else origin
