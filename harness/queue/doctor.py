"""What a platform's file says against what is here: before a job waits for hours to fail in a minute."""

import errno
import os
import platform as machine
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.engine.find import model_key
from harness.engine.images import image_architecture
from harness.errors import ConfigError
from harness.settings.platform import IDENTITY, Platform, this_machine, wall_time_s
from harness.settings.variables import Settings

# By generation of TAO: the newest GPUs its CUDA knows (compute capability), and the oldest driver it takes.
# NVIDIA's quick-start guides of 3.21.11, 4.0 and 5.0.
TAO = {"3": (8.9, 465), "4": (9.0, 520), "5": (9.0, 525)}
ROOM_BYTES = 1 << 28  # that a run of the real archive needs at the least


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fault` is "" where it is as it should be."""

    what: str
    found: str
    fault: str = ""
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be known beforehand about a run on the platform of `settings`, asked for on this machine."""
    queued = settings.platform.scheduler == "slurm"
    return [*_place(settings), *(_request(settings) if queued else ()), *_engine(settings), *_workspace(settings)]


def check_queue(settings: Settings) -> None:
    """Refuse what would fail only after it had waited in the queue.

    Raises:
        ConfigError: with every fault that was found.
    """
    faults = [finding for finding in examine(settings) if finding.fault]
    if faults:
        words = "".join(f"\n  {finding.what}: {finding.fault} (found: {finding.found})" for finding in faults)
        raise ConfigError(f"a job on {settings.platform.name} would fail:{words}", remedy=faults[0].remedy)


def stranger(platform: Platform) -> str:
    """Words of doubt where this host is called like none of the platform's; it is not refused for that."""
    host, known = socket.gethostname(), "|".join(filter(None, [platform.host_pattern, platform.login_pattern]))
    fits = not known or re.fullmatch(known, host)
    return "" if fits else f"{host}, not one of {known} (names are no proof)"


def _place(settings: Settings) -> Iterator[Finding]:
    platform, here = settings.platform, machine.machine()
    yield Finding("host", stranger(platform) or socket.gethostname())
    if platform.name == "wsl2" and this_machine() != "wsl2":
        yield Finding("kernel", machine.uname().release, "is not WSL's", "take PLATFORM=local")
    if platform.scheduler == "slurm":
        fault = "" if shutil.which("sbatch") else f"there is no sbatch: this is no login node of {platform.title}"
        yield Finding("scheduler", "none" if fault else "slurm", fault, "log in to the cluster first")
    elif platform.arch and platform.arch != here:
        yield Finding("processor", here, f"expected {platform.arch}", "take PLATFORM=local")
    if platform.status != "in service":
        yield Finding("status", f"{platform.status}, as of {platform.facts_date}")


def _request(settings: Settings) -> Iterator[Finding]:
    platform, most = settings.platform, settings.platform.gpus_per_node
    for name in IDENTITY:
        value, use = getattr(settings, name, platform.constraint), getattr(platform, f"{name}_use")
        if use == "must" and not value:
            remedy = f'give {name.upper()}=..., or {name} = "..." in {platform.name}.mine.toml'
            yield Finding(name, "none", "must be given", remedy)
        elif value:
            yield Finding(name, value, "must not be given" if use == "never" else "", f"leave {name.upper()} away")
    limit, asked = platform.wall_time_limit, settings.wall_time
    fault = f"the limit is {limit}" if limit and wall_time_s(asked) > wall_time_s(limit) else ""
    yield Finding("wall time", asked, fault, f"give WALL_TIME={limit} or less")
    fault, remedy = f"a node has {most}" if most and settings.gpus > most else "", f"give GPUS={most} or less"
    if platform.whole_nodes and settings.nodes > 1 and settings.gpus != most:
        fault, remedy = f"a job on several nodes must take all {most}", f"give GPUS={most}, or NODES=1"
    yield Finding("GPUs a node", str(settings.gpus), fault, remedy)


def _engine(settings: Settings) -> Iterator[Finding]:
    platform, engine, version = settings.platform, settings.engine, settings.tao_version
    refused = platform.refuses.get(engine, "")
    if engine == "tao" and not refused:
        newest, oldest = TAO.get(version[0], TAO["5"])
        if platform.compute_capability > newest:
            refused = f"TAO {version} knows GPUs up to {newest}, not {platform.compute_capability}"
        elif platform.driver and int(platform.driver.split(".")[0]) < oldest:
            refused = f"TAO {version} needs driver {oldest}, there is {platform.driver}"
    yield Finding("engine", engine, refused, "take ENGINE=portable")
    if platform.scheduler == "none" or platform.container_on_login:
        command = next(filter(shutil.which, platform.container), None)
        fault = "needed for a container image" if settings.image and not command else ""
        found = command or f"none of {', '.join(platform.container)}"
        yield Finding("container", found, fault, "install one, or load its module")
    if engine == "tao" or settings.image:
        yield _image(settings)
    if engine == "tao":
        missing = version[0] == "3" and not model_key()
        fault = "TAO 3 needs a model key" if missing else ""
        yield Finding(
            "model key", "given" if model_key() else "none", fault, "set JAMCAM_KEY_FILE to a file of mode 600"
        )


def _image(settings: Settings) -> Finding:
    path, wanted = Path(settings.image), settings.platform.arch
    remedy = "build or copy it first, and give IMAGE=file.sif"
    if not settings.image or not path.is_file():
        return Finding("image", settings.image or "none named", "is not there", remedy)
    arch = image_architecture(path)
    fault = f"is for {arch}, its nodes are {wanted}" if "" not in (arch, wanted) and arch != wanted else ""
    return Finding("image", f"{path} ({arch or 'not a SIF file'})", fault, remedy)


def _workspace(settings: Settings) -> Iterator[Finding]:
    folder, fault = settings.workspace, ""
    if settings.platform.scheduler == "slurm":
        odd = re.search(r"[\s'\"\\%]", str(folder))
        fault = "a blank, quote or percent sign cannot stand in a job's file names" if odd else ""
        yield Finding("workspace", str(folder), fault, "give another WORKSPACE")
    there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    room, fault = there / f".room-{os.getpid()}", ""
    try:
        # Taken for real and given back: a quota shows only when it is hit.
        with room.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, ROOM_BYTES)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            fault = f"{ROOM_BYTES >> 20} MB cannot be had: {error.strerror}"
    finally:
        room.unlink(missing_ok=True)
    free = f"{shutil.disk_usage(there).free >> 20} MB free at {there}"
    yield Finding("disk", free, fault, "make room, or give another WORKSPACE")
