"""Verbs about platforms, and the way of any verb through a queue; `harness.cli` prints their failures."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from harness.engine.container import container_command
from harness.errors import ConfigError
from harness.queue import doctor
from harness.queue import submit as launch
from harness.queue.in_job import work
from harness.queue.notes import current
from harness.queue.script import options as options_of
from harness.queue.script import shell_line
from harness.settings.platform import platforms, this_machine
from harness.settings.variables import Settings
from harness.text import columns
from harness.verdict import Verdict
from harness.workspace.layout import Workspace


def _platforms(settings: Settings, options: argparse.Namespace) -> int:
    rows = [("platform", "status", "facts of", "queue", "GPU", "must be given", "machine")]
    for each in platforms():
        uses = {"ACCOUNT": (each.account_use, each.account), "QOS": (each.qos_use, each.qos)}
        musts = " ".join(name for name, (use, value) in uses.items() if use == "must" and not value)
        title = each.title + (" (where you are)" if each.name == this_machine() else "")
        rows.append((each.name, each.status, each.facts_date, each.scheduler, each.gpu_model or "any", musts, title))
    print(columns(rows))
    return 0


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    findings = doctor.examine(settings)
    rows = [(each.what, each.verdict.value, each.problem or each.observed, each.remedy) for each in findings]
    print(columns([("what", "verdict", "found", "fix"), *rows]))
    return {Verdict.YES: 0, Verdict.NO: 1, Verdict.CANNOT_TELL: 5}[doctor.overall(findings)]


def _shell(settings: Settings, options: argparse.Namespace) -> int:
    print(shell_line(settings, container_command(settings.platform)))
    return 0


VERBS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "platforms": _platforms,
    "doctor": _doctor,
    "shell": _shell,
}


def script(settings: Settings, words: Sequence[str]) -> str:
    """The batch script that would be submitted, and whether it would be refused; NEW stands for the run."""
    text = launch.script_of(settings, words).rstrip()
    try:
        doctor.check_queue(settings)
    except ConfigError as error:
        refusal = f"would be refused here: {error.message}\ntry: {error.remedy}"
        text += "\n\n" + "\n".join(f"# {line}" for line in refusal.splitlines())
    return text


def through_queue(settings: Settings, words: Sequence[str]) -> int:
    """Bring a command through the queue of its platform and wait for its end."""

    def say(text: str) -> None:
        print(f"jamcam: {text}", flush=True)

    if launch.unfinished(settings, words) is None:
        for finding in doctor.check_queue(settings):
            say(f"cannot tell {finding.problem}")
    launch.launch(settings, words, say)
    return 0


def awaited(settings: Settings, words: Sequence[str]) -> bool:
    """Whether a run of this very command is under way, or ended when nobody was there to say so."""
    run = current(Workspace(settings.workspace))
    return run is not None and run.command == (*words, *options_of(settings))


def left_of_study(every: list[Settings]) -> list[Settings]:
    """Those of a scaling study that were not measured yet: from the one whose job is under way on, else all."""
    places = [place for place, one in enumerate(every) if awaited(one, ["scaling"])]
    return every[places[0] :] if places else every


def needs_network(settings: Settings) -> bool:
    """Whether something has to be fetched that compute nodes of the platform may not reach."""
    schemes = {urlsplit(address).scheme for address in (settings.dataset.address, settings.pretrained)}
    return bool(schemes & {"http", "https"}) and settings.platform.compute_network != "yes"


def inside(arguments: Sequence[str]) -> int:
    """`jamcam inside FOLDER LINK VERB …`, which batch scripts call."""
    folder, link, *command = arguments
    return work(Path(folder), int(link), command)
