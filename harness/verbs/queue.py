"""Verbs about platforms, and the way of any verb through the queue of one."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from harness.errors import CannotTell, ConfigError
from harness.settings.platform import platforms, this_machine
from harness.settings.variables import VARIABLES, WITHDRAWN, Settings, option
from harness.text import columns, tell
from harness.verbs.tidy import held
from harness.verbs.verb import QUEUE, WORKFLOW, Verb
from harness.verdict import Verdict
from harness.workspace.layout import Workspace

TITLE = "platforms"


def _platforms(settings: Settings, options: argparse.Namespace) -> int:
    rows = [("platform", "status", "instead", "facts of", "queue", "GPU", "must be given", "machine")]
    notes = []
    for each in platforms():
        uses = {"ACCOUNT": (each.account_use, each.account), "QOS": (each.qos_use, each.qos)}
        musts = " ".join(name for name, (use, value) in uses.items() if use == "must" and not value)
        title = each.title + (" (where you are)" if each.name == this_machine() else "")
        status = Verdict.CANNOT_TELL.value if each.status == "unknown" else each.status
        facts = (each.facts_date, each.scheduler, each.gpu_model or "any")
        rows.append((each.name, status, each.successor, *facts, musts, title))
        if each.status_note:
            notes.append(f"{each.name}: {each.status_note}")
    tell("\n".join([columns(rows), *notes]))
    return 0


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    from harness.queue import doctor

    findings = doctor.examine(settings)
    rows = [(each.what, each.verdict.value, each.problem or each.observed, each.remedy) for each in findings]
    tell(columns([("what", "verdict", "found", "fix"), *rows]))
    return {Verdict.YES: 0, Verdict.NO: 1, Verdict.CANNOT_TELL: CannotTell.exit_status}[
        doctor.overall(findings)
    ]


def _shell(settings: Settings, options: argparse.Namespace) -> int:
    from harness.engine.container import container_command
    from harness.queue.script import shell_line

    tell(shell_line(settings, container_command(settings.platform)))
    return 0


def script(settings: Settings, words: Sequence[str]) -> str:
    """The batch script that would be submitted, and whether it would be refused; NEW stands for the run."""
    from harness.queue import doctor, submit

    text = submit.script_of(settings, words).rstrip()
    try:
        remarks = [f"cannot tell {each.problem}" for each in doctor.check_queue(settings)]
    except ConfigError as error:
        remarks = [f"would be refused here: {error.message}", f"try: {error.remedy}"]
    lines = [f"# {line}" for remark in remarks for line in remark.splitlines()]
    return "\n".join([text, *([""] if lines else []), *lines])


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
    Verb(name="platforms", help="which machines there are files for", run=_platforms),
    Verb(
        name="doctor",
        help="this machine against the file of a platform: what is missing, and how to get it",
        run=_doctor,
        settings=(*WORKFLOW, *QUEUE),  # so that any command of a job can be checked by another verb alone
    ),
    Verb(
        name="shell",
        help="the line that gives a shell on a compute node of the platform",
        run=_shell,
        settings=("platform", "image", "workspace", "gpus", "nodes", "account", "qos", "partition"),
    ),
)
