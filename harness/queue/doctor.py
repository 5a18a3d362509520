"""A platform's file compared with this machine: what would make a run fail, found before it waits in a queue.

Every row is one check with the verdict yes, no or cannot tell. What only a compute node could answer is not
asked, so that each "cannot tell" can become a yes: its remedy says how, mostly by a line in
`<platform>.mine.toml`.
"""

import contextlib
import errno
import importlib.util
import os
import platform as machine
import shutil
import socket
from collections.abc import Callable, Iterator

from harness.engine import checks
from harness.engine.find import in_image, resolve
from harness.engine.finding import Finding, cannot_tell, judged
from harness.errors import ConfigError
from harness.queue import slurm
from harness.settings.platform import IDENTITY, Platform, host_fits, this_machine, wall_time_s
from harness.settings.variables import Settings
from harness.verdict import Verdict

NEEDED_BYTES = 1 << 28  # the least that a run of the real archive takes


def examine(settings: Settings, *, count_gpus: Callable[[], int] | None = None) -> list[Finding]:
    """All that this machine can tell beforehand about a run on the platform of `settings`.

    Args:
        count_gpus: how many there are here; without it nothing is said of them.
    """
    queued = settings.platform.scheduler == "slurm"
    return [
        *_place(settings.platform),
        *(_request(settings) if queued else ()),
        *checks.findings(settings, asks_engine=True),
        *_torch(settings),
        *(_gpus_here(settings, count_gpus) if count_gpus and not queued else ()),
        _disk(settings),
    ]


def overall(findings: list[Finding]) -> Verdict:
    """No where one finding is no; else cannot tell where one finding is; else yes."""
    verdicts = {finding.verdict for finding in findings}
    return next((each for each in (Verdict.NO, Verdict.CANNOT_TELL) if each in verdicts), Verdict.YES)


def check_queue(settings: Settings) -> list[Finding]:
    """Refuse what would fail only after it had waited in the queue; the findings that cannot be told.

    Raises:
        ConfigError: with every problem that was found.
    """
    findings = examine(settings)
    problems = [finding for finding in findings if finding.verdict is Verdict.NO]
    if problems:
        words = "".join(f"\n  {each.what}: {each.problem} (found: {each.observed})" for each in problems)
        raise ConfigError(f"a job on {settings.platform.name} would fail:{words}", remedy=problems[0].remedy)
    return [finding for finding in findings if finding.verdict is Verdict.CANNOT_TELL]


def _place(platform: Platform) -> Iterator[Finding]:
    yield from _host(platform)
    if platform.name == "wsl2" and this_machine() != "wsl2":
        yield judged("kernel", machine.uname().release, "is not WSL's", "give PLATFORM=local")
    if platform.scheduler == "slurm":
        sbatch = shutil.which("sbatch")
        problem = "" if sbatch else f"there is no sbatch: this is no login node of {platform.title}"
        yield judged("scheduler", sbatch or "none", problem, "log in to the cluster first")
    elif platform.arch:
        problem = "" if platform.arch == machine.machine() else f"expected {platform.arch}"
        yield judged("processor", machine.machine(), problem, "give PLATFORM=local")
    yield from _status(platform)


def _status(platform: Platform) -> Iterator[Finding]:
    """Nothing where the file says that it is in service: that is the file's word, and was not looked at."""
    unknown = platform.status == "unknown"
    if platform.status == "in service" or (unknown and platform.scheduler == "none"):
        return
    if unknown and slurm.answers():
        yield judged("status", "Slurm answers here, and a partition is up", "", "")
        return
    said = "its file does not say" if unknown else f"its file says {platform.status}"
    known = platform.status_note or said
    words = f"whether {platform.title} takes jobs: {known}" + (
        f" (as of {platform.facts_date})" if platform.facts_date else ""
    )
    mine = f'where it takes yours, note status = "in service" in {platform.name}.mine.toml'
    if platform.successor:
        words += f"; {platform.successor} is there instead"
        mine = f"give PLATFORM={platform.successor}, or {mine}"
    yield cannot_tell("status", platform.status, words, mine)


def _host(platform: Platform) -> Iterator[Finding]:
    """Nothing where the file has no pattern: then any host fits. Another name is doubted, not refused."""
    host = socket.gethostname()
    fits = host_fits(platform, host, login=True)
    if fits:
        yield judged("host", host, "", "")
    elif fits is False:
        known = " or ".join(filter(None, [platform.host_pattern, platform.login_pattern]))
        words = f"whether {host} belongs to {platform.name}: its hosts match {known}, "
        words += "but host names alone prove nothing"
        remedy = f"go to a login node, or note this one's login_pattern in {platform.name}.mine.toml"
        yield cannot_tell("host", host, words, remedy)


def _request(settings: Settings) -> Iterator[Finding]:
    """What the queue is told must be what the site demands and has."""
    platform = settings.platform
    for name in IDENTITY:
        value, use = getattr(settings, name, platform.constraint), getattr(platform, f"{name}_use")
        if use == "must" and not value:
            remedy = f'give {name.upper()}=..., or {name} = "..." in {platform.name}.mine.toml'
            yield judged(name, "none", "must be given", remedy)
        elif value:
            problem = "must not be given" if use == "never" else ""
            yield judged(name, value, problem, f"leave {name.upper()} out")
    limit, asked = platform.wall_time_limit, settings.wall_time
    too_long = bool(limit) and wall_time_s(asked) > wall_time_s(limit)
    yield judged(
        "wall time", asked, f"the limit is {limit}" if too_long else "", f"give WALL_TIME={limit} or less"
    )
    yield _gpus(settings)


def _gpus(settings: Settings) -> Finding:
    most, problem, remedy = settings.platform.gpus_per_node, "", ""
    if settings.platform.whole_nodes and settings.nodes > 1 and settings.gpus != most:
        problem, remedy = f"a job on several nodes must take all {most}", f"give GPUS={most}, or NODES=1"
    elif most and settings.gpus > most:
        problem, remedy = f"a node has {most}", f"give GPUS={most} or less"
    return judged("GPUs a node", str(settings.gpus), problem, remedy)


def _torch(settings: Settings) -> Iterator[Finding]:
    """Our own engine computes with it; jobs use this Python, but a module of the site may bring more."""
    if settings.engine != "portable" or in_image(settings):
        return
    install = "pip install 'jamcam-harness[detector]' (in a checkout make does it)"
    if importlib.util.find_spec("torch"):
        yield judged("torch", "found", "", "")
    elif settings.platform.scheduler == "slurm":
        yield cannot_tell("torch", "none here", "whether jobs have torch: this Python has none", install)
    else:
        yield judged("torch", "none", "this Python has no torch, which ENGINE=portable needs", install)


def _gpus_here(settings: Settings, count_gpus: Callable[[], int]) -> Iterator[Finding]:
    """Our own engine does with the CPU where one GPU is asked for, and none is there; NVIDIA's does not."""
    needed = settings.gpus if settings.gpus > 1 or _is_nvidias(settings) else 0
    if not needed:
        return
    seen = count_gpus()
    problem = f"{needed} are needed, and {seen} can be seen" if seen < needed else ""
    yield judged("GPUs", str(seen), problem, "give GPUS= as many as there are, or ENGINE=portable without")


def _is_nvidias(settings: Settings) -> bool:
    with contextlib.suppress(ConfigError):  # that there is none, or no image, is another finding
        return settings.engine == "tao" or resolve(settings).identity.name == "tao"
    return False


def _disk(settings: Settings) -> Finding:
    """Space is reserved for real and given back: a quota shows only when it is hit."""
    folder = settings.workspace
    there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    file, reserve = there / f".reserved-{os.getpid()}", getattr(os, "posix_fallocate", None)  # not on macOS
    observed = f"{shutil.disk_usage(there).free >> 20} MB free at {there}"
    untold = cannot_tell(
        "disk", observed, "whether a quota leaves space: none can be reserved", "look at your quota"
    )
    if reserve is None:
        return untold
    problem = ""
    try:
        with file.open("wb") as stream:
            reserve(stream.fileno(), 0, NEEDED_BYTES)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
            return untold
        problem = f"{NEEDED_BYTES >> 20} MB cannot be had: {error.strerror}"
    finally:
        file.unlink(missing_ok=True)
    return judged("disk", observed, problem, "free some space, or give another WORKSPACE")
