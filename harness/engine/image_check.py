"""Whether an image works on this machine: it is started once and asked, before a run."""

import os
import re
import subprocess
import time
from pathlib import Path

from harness.engine.container import on_wsl, prefix_in_image
from harness.engine.find import OUR_SCRIPT, environment
from harness.errors import ConfigError
from harness.settings.variables import Settings

SLOW_S = 2.0
PATIENCE_S = 600.0  # a large image that has to be unpacked on a slow disk
# Prints one fact a line. Arguments: the folder to write in, and a word that only our own program has.
PROBE = """program=$(command -v yolo_v4) && echo has yolo_v4
grep -q "$2" "$program" && echo has ours
test -w "$1" && echo may write
nvidia-smi -L 2>/dev/null | grep -q GPU && echo sees GPU
echo TAO "$JAMCAM_TAO_VERSION"
"""
# A pattern in what the container program prints -> what to do about it. The first that matches is shown.
REMEDIES = (
    (r"architecture", "build or pull the image for this machine's architecture"),
    (r"nvidia-container-cli", "install NVIDIA's container toolkit, which WSL2 needs: docs/containers.md"),
    (r"fuse", "ask for access to /dev/fuse, or let squashfuse be removed; docs/containers.md, 'Slow starts'"),
    (
        r"user.?ns|namespace|newuidmap",
        "ask your site to allow user namespaces, or a setuid installation of Apptainer",
    ),
    (r"mount|bind", "check that the folder it names is there, and give it by its real path"),
)


def start_image(settings: Settings) -> list[str]:
    """Start the image once; remarks that are worth a line, such as why every start will be slow.

    Raises:
        ConfigError: the engine cannot work in this image, here.
    """
    there = settings.workspace.is_dir()
    folder = settings.workspace if there else Path("/tmp")
    began = time.monotonic()
    facts = _ask(settings, folder)
    took_s = time.monotonic() - began
    _check_inside(settings, facts, folder if there else None)
    if took_s < SLOW_S:
        return []
    return [
        f"starting this image takes {took_s:.1f} s each time; where it is unpacked for every start, "
        "installing squashfuse avoids that (docs/containers.md, 'Slow starts')"
    ]


def _ask(settings: Settings, folder: Path) -> set[str]:
    command = [
        *prefix_in_image(settings, folder),
        "sh",
        "-c",
        PROBE,
        "sh",
        os.fspath(folder),
        OUR_SCRIPT.decode(),
    ]
    try:
        answer = subprocess.run(
            command,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"{settings.image} did not start within {PATIENCE_S:.0f} s", remedy="copy it to a faster disk"
        ) from None
    if answer.returncode == 0:
        return {*answer.stdout.splitlines()}
    message = next(
        (line for line in answer.stderr.splitlines() if line.startswith("FATAL")), answer.stderr[-300:]
    )
    remedy = next((words for pattern, words in REMEDIES if re.search(pattern, message, re.IGNORECASE)), None)
    raise ConfigError(
        f"{command[0]} cannot start {settings.image}: {message.removeprefix('FATAL:').strip()}",
        remedy=remedy or f"try it by hand: {command[0]} exec {settings.image} true",
    )


def _check_inside(settings: Settings, facts: set[str], folder: Path | None) -> None:
    image, tao = settings.image, settings.engine == "tao"
    if "has yolo_v4" not in facts:
        raise ConfigError(
            f"there is no yolo_v4 in {image}", remedy="make image in a checkout, then give --image FILE.sif"
        )
    if tao == ("has ours" in facts):
        engine = "portable" if tao else "tao"
        raise ConfigError(
            f"the yolo_v4 in {image} is not that of ENGINE={settings.engine}", remedy=f"ENGINE={engine}"
        )
    version = next(fact.removeprefix("TAO").strip() for fact in facts if fact.startswith("TAO"))
    if tao and version not in ("", settings.tao_version):
        origin = settings.origins["tao_version"]
        raise ConfigError(
            f"{image} holds TAO {version}, and tao_version is {settings.tao_version} ({origin})",
            remedy=f"give --tao-version {version}",
        )
    if folder and "may write" not in facts:
        raise ConfigError(
            f"{folder} cannot be written from inside {image}", remedy="free it, or give another --workspace"
        )
    # One GPU is also what a platform without facts says, and there our own engine takes what it finds.
    if "sees GPU" not in facts and (tao or settings.origins["gpus"] != "platform local"):
        why = " (WSL2 needs the Windows driver and NVIDIA's container toolkit)" if on_wsl() else ""
        raise ConfigError(
            f"gpus is {settings.gpus} ({settings.origins['gpus']}), "
            f"but inside {image} no GPU can be seen{why}",
            remedy="look for one with nvidia-smi -L here, and give the command on a machine that has one",
        )
