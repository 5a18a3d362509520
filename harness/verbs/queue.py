"""Verbs about platforms, and the way of any verb through the queue of one."""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.answer import Answer
from harness.errors import CannotTell, ConfigError
from harness.settings.platform import Platform, platforms, this_machine
from harness.settings.variables import VARIABLES, WITHDRAWN, Settings, option
from harness.text import columns, tell
from harness.verbs.tidy import held
from harness.verbs.verb import JSON, QUEUE, WORKFLOW, Verb
from harness.verdict import Verdict
from harness.workspace.layout import Workspace

TITLE = "platforms"


def _platforms(settings: Settings, options: argparse.Namespace) -> Answer:
    found = platforms()
    rows = [("platform", "status", "instead", "facts of", "queue", "GPU", "must be given", "machine")]
    for each in found:
        title = each.title + (" (where you are)" if each.name == this_machine() else "")
        facts = (each.facts_date, each.scheduler, each.gpu_model or "any")
        musts = " ".join(name.upper() for name in _must_be_given(each))
        rows.append((each.name, _status_word(each), each.successor, *facts, musts, title))
    notes = [f"{each.name}: {each.status_note}" for each in found if each.status_note]
    table = {"platforms": [_platform_table(each) for each in found]}
    return Answer(text="\n".join([columns(rows), *notes]), table=table)


def _platform_table(platform: Platform) -> dict[str, Any]:
    told = ("name", "title", "status_note", "successor", "facts_date", "scheduler", "gpu_model")
    return {
        **{name: getattr(platform, name) or None for name in told},
        "status": _status_word(platform),
        "must_be_given": _must_be_given(platform),
        "is_this_machine": platform.name == this_machine(),
    }


def _must_be_given(platform: Platform) -> list[str]:
    """Settings without which the site takes no job, and which its file does not say."""
    uses = {"account": platform.account_use, "qos": platform.qos_use}
    return [name for name, use in uses.items() if use == "must" and not getattr(platform, name)]


def _status_word(platform: Platform) -> str:
    return Verdict.CANNOT_TELL.value if platform.status == "unknown" else platform.status


def _doctor(settings: Settings, options: argparse.Namespace) -> Answer:
    from harness.measure.probe_command import ask_probe
    from harness.queue import doctor

    findings = doctor.examine(settings, count_gpus=lambda: len(ask_probe("describe")["gpus"]))
    titles = ("what", "verdict", "found", "fix")
    rows = [(each.what, each.verdict.value, each.problem or each.observed, each.remedy) for each in findings]
    verdict = doctor.overall(findings)
    table = {
        "platform": settings.platform.name,
        "verdict": verdict.value,
        "findings": [{**asdict(each), "verdict": each.verdict.value} for each in findings],
    }
    statuses = {Verdict.YES: 0, Verdict.NO: 1, Verdict.CANNOT_TELL: CannotTell.exit_status}
    return Answer(text=columns([titles, *rows]), table=table, status=statuses[verdict])


def _shell(settings: Settings, options: argparse.Namespace) -> int:
    from harness.engine.container import container_command
    from harness.queue.script import shell_line

    tell(shell_line(settings, container_command(settings.platform)))
    return 0


def planned_job(settings: Settings, words: Sequence[str]) -> Answer:
    """The batch script that would be submitted, and whether it would be refused; NEW stands for the run."""
    from harness.queue import doctor, submit

    text, untold, refused = submit.script_of(settings, words).rstrip(), [], None
    try:
        untold = [each.problem for each in doctor.check_queue(settings)]
        remarks = [f"cannot tell {problem}" for problem in untold]
    except ConfigError as error:
        refused = {"message": error.message, "remedy": error.remedy}
        remarks = [f"would be refused here: {error.message}", f"try: {error.remedy}"]
    lines = [f"# {line}" for remark in remarks for line in remark.splitlines()]
    table = {"steps": None, "batch_script": text, "refused": refused, "cannot_tell": untold}
    return Answer(text="\n".join([text, *([""] if lines else []), *lines]), table=table)


def through_queue(settings: Settings, words: Sequence[str], stages: Sequence[str] = ()) -> int:
    """Bring `jamcam WORDS` through the queue and wait for its end, unless all `stages` are done."""
    from harness.stages import workflow

    is_new = bool(stages) and not _is_awaited(settings, words)
    if is_new and not any(step.reasons for step in workflow.survey(settings, stages)):
        tell(f"nothing to do: {', '.join(stages)} are done")
        return 0
    if _needs_network(settings):
        with held(Workspace(settings.workspace)):
            (ending,) = workflow.run(settings, ["download"], verbose=False)
        if ending.error:
            raise ending.error
    _submit(settings, words)
    return 0


def _submit(settings: Settings, words: Sequence[str]) -> None:
    from harness.queue import doctor, submit

    def say(text: str) -> None:
        tell(f"jamcam: {text}")

    if submit.unfinished(settings, words) is None:
        for finding in doctor.check_queue(settings):
            say(f"cannot tell {finding.problem}")
    submit.launch(settings, words, say)


def _is_awaited(settings: Settings, words: Sequence[str]) -> bool:
    """Whether a run of this very command is under way, or ended when nobody was there to say so."""
    from harness.queue import notes, script

    run = notes.current(Workspace(settings.workspace))
    return run is not None and run.command == (*words, *script.options(settings))


def left_of_study(every: list[Settings]) -> list[Settings]:
    """Parts of a scaling study not measured yet: from the one whose job is under way, else all."""
    places = [place for place, one in enumerate(every) if _is_awaited(one, ["scaling"])]
    return every[places[0] :] if places else every


def _needs_network(settings: Settings) -> bool:
    """Whether something has to be fetched that compute nodes of the platform may not reach."""
    addresses = (settings.dataset.address, settings.pretrained)
    return settings.platform.compute_network != "yes" and any(
        each.startswith(("http:", "https:")) for each in addresses
    )


def in_job(arguments: Sequence[str], taken: Collection[str]) -> int:
    """`jamcam in-job FOLDER SEGMENT VERB …`, which batch scripts call.

    Scripts of earlier versions name every setting of environment and luigi.cfg, too: those that are not among
    `taken`, the names that the verb takes, are left out.
    """
    from harness.queue.in_job import work

    if len(arguments) < 3:
        raise ConfigError("in-job is what batch scripts call", remedy="jamcam --help lists the verbs")
    folder, segment, *command = arguments
    known = (*(variable.name for variable in VARIABLES), *WITHDRAWN)
    unused = {option(name) for name in known if name not in taken}
    return work(
        Path(folder), int(segment), [word for word in command if word.partition("=")[0] not in unused]
    )


VERBS = (
    Verb(name="platforms", help="which machines there are files for", run=_platforms, options=(JSON,)),
    Verb(
        name="doctor",
        help="this machine against the file of a platform: what is missing, and how to get it",
        run=_doctor,
        settings=(*WORKFLOW, *QUEUE),  # so that any command of a job can be checked by another verb alone
        options=(JSON,),
    ),
    Verb(
        name="shell",
        help="the line that gives a shell on a compute node of the platform",
        run=_shell,
        settings=("platform", "image", "workspace", "gpus", "nodes", "account", "qos", "partition"),
    ),
)
