"""The batch script of a job, and the line for a shell on a compute node; pure functions of settings."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from harness.queue.notes import QueuedRun
from harness.settings.platform import IDENTITY
from harness.settings.variables import VARIABLES, Settings

# Written into the header of the script, and of no use inside the job.
FOR_THE_QUEUE = {*IDENTITY, "wall_time", "array"}
LOG_CHANGED = "JOB_LOG_CHANGED_UNIX_S"  # when the log was changed last before this start of the job
SHELL_TIME = "1:00:00"  # of an interactive session
# Where the submitter's environment did not bring `module`: what a login shell would read.
MODULES = (
    "if ! type -t module > /dev/null; then",
    "  for profile in /etc/profile.d/*modules*.sh /etc/profile.d/*lmod*.sh; do",
    '    if [ -r "$profile" ]; then . "$profile"; fi',
    "  done",
    "fi",
)


@dataclass(frozen=True, slots=True)
class Job:
    """What a batch script needs to know besides the settings.

    `segment` counts the jobs of one run from 1: a run that needs more time than a job may take continues in
    the next.
    """

    name: str  # unique: by it a submitter that was ended finds its job again
    segment: int
    folder: Path  # of the run, in the workspace
    words: tuple[str, ...]  # a verb, or stages as flags
    python: str
    directory: Path  # where the command was given
    key_file: str = ""  # holds TAO's model key; only its name is written down
    is_installed: bool = False  # the harness is, and does not lie in `directory`


def batch_script(settings: Settings, job: Job) -> str:
    """The script that does what `job` says on the platform of `settings`; it holds no secret."""
    platform = settings.platform
    in_job = [
        job.python,
        "-m",
        "harness",
        "inside",
        str(job.folder),
        str(job.segment),
        *job.words,
        *options(settings),
    ]
    # The characters of scratch are checked when the platform's file is read; variables of the job may stand
    # in it.
    scratch = (
        [f'export TMPDIR="{platform.scratch}"', 'mkdir -p "$TMPDIR" || unset TMPDIR']
        if platform.scratch
        else []
    )
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {line}" for line in _header(settings, job)),
        "",
        f"# {platform.title}",
        "trap '' USR1  # a warning before there is anything to stop",
        "# Before anything is printed: it tells when an earlier start, if it was killed, was last heard of.",
        f'export {LOG_CHANGED}="$(stat -c %Y -- {_log_in_job(settings, job)} 2> /dev/null)"',
        *(MODULES if any(line.startswith("module ") for line in platform.prepare) else ()),
        *_stop_at_failure(job),
        *platform.prepare,
        *scratch,
        *([f"export JAMCAM_KEY_FILE={shlex.quote(job.key_file)}"] if job.key_file else []),
        # Files of others may lie there.
        *(["export PYTHONSAFEPATH=1"] if job.is_installed else []),
        f"cd -- {shlex.quote(str(job.directory))}",
        "# Takes the place of the shell, so that Slurm's warning ahead of the time limit reaches it.",
        f"exec {shlex.join(in_job)}",
    ]
    return "\n".join(lines) + "\n"


def _log_in_job(settings: Settings, job: Job) -> str:
    """The log, for the shell of the job."""
    task = '-"$SLURM_ARRAY_TASK_ID"' if settings.array > 1 else ""
    return f"{shlex.quote(str(job.folder))}/slurm-{job.segment}{task}.log"


def _header(settings: Settings, job: Job) -> list[str]:
    platform, repeats = settings.platform, settings.array > 1
    return [
        f"--job-name={job.name}",
        *_resources(settings),
        f"--time={settings.wall_time}",
        *([f"--signal=B:USR1@{platform.warn_s}"] if platform.warn_s else []),
        "--requeue" if platform.requeue else "--no-requeue",
        "--open-mode=append",
        *([f"--array=1-{settings.array}%1"] if repeats else []),
        f"--output={job.folder}/slurm-{job.segment}{'-%a' if repeats else ''}.log",
    ]


def _stop_at_failure(job: Job) -> list[str]:
    """Lines after which a line that fails ends the job, and is noted; lines inside a sourced file do not."""
    note = shlex.quote(str(QueuedRun(folder=job.folder, command=job.words).preparation_note(job.segment)))
    return [
        "failed() {",
        '  if [ "${#BASH_SOURCE[@]}" -gt 2 ]; then return; fi',
        '  mapfile -t -s "$((BASH_LINENO[0] - 1))" -n 1 line < "$0"',
        f"""  printf '%s (status %s)\\n' "$line" "$1" > {note}""",
        """  printf 'jamcam: nothing was run, since this line failed with status %s: %s\\n' """
        """"$1" "$line" >&2""",
        "  exit 1",
        "}",
        "trap 'failed $?' ERR",
    ]


def options(settings: Settings) -> list[str]:
    """What command line, environment and luigi.cfg decided, as options for the command inside the job."""
    texts = settings.overrides
    passed = [each for each in VARIABLES if each.name in texts and each.name not in FOR_THE_QUEUE]
    return [f"{each.option}={texts[each.name]}" for each in passed]


def shell_line(settings: Settings, command: str) -> str:
    """The line that gives a shell on a compute node, where an image is set inside it.

    Args:
        command: the container program.
    """
    platform, words = settings.platform, ["bash", "-l"]
    if settings.image:
        binds = [f"--bind={bind}" for bind in (str(settings.workspace), *platform.binds)]
        words = [command, "shell", *platform.container_flags, *binds, settings.image]
    if platform.scheduler == "slurm":
        words = ["srun", *_resources(settings), f"--time={SHELL_TIME}", "--pty", *words]
    return shlex.join(words)


def _resources(settings: Settings) -> list[str]:
    platform, gpus = settings.platform, settings.gpus
    # Constraint is the platform's alone; the others may be given.
    named = {name: getattr(settings, name, platform.constraint) for name in IDENTITY}
    words = [f"--{name}={value}" for name, value in named.items() if value]
    words += [f"--nodes={settings.nodes}", "--ntasks-per-node=1", platform.gpu_request.format(gpus=gpus)]
    words += [f"--cpus-per-task={platform.cpus_per_gpu * gpus}"] if platform.cpus_per_gpu else []
    words += [f"--mem-per-cpu={platform.mem_per_cpu_mb}"] if platform.mem_per_cpu_mb else []
    return words + list(platform.options)
