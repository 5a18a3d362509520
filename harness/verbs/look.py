"""Verbs that look and change nothing: status, plan, why, show-config."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from harness.settings.platform import goes_to_queue
from harness.settings.table import nearest
from harness.settings.variables import VARIABLES, Settings
from harness.text import columns, duration, shortened, tell
from harness.verbs.run import ALL, header
from harness.verbs.verb import QUEUE, WORKFLOW, Option, Verb
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES

if TYPE_CHECKING:
    from harness.stages.workflow import Step

TITLE = "looking"
WATCH = Option(name="watch", help="1: `status` is shown again and again, until Ctrl-C", is_switch=True)
STAGE = Option(name="stage", help="the stage that `why` explains, or that `plan` ends with")


def _status(settings: Settings, options: argparse.Namespace) -> int:
    if options.watch:
        from harness.verbs.live import Live
        from harness.verbs.watch import watch

        if not sys.stdout.isatty():  # a log would have a line for each look
            return watch(lambda: status(settings))
        with Live(Workspace(settings.workspace)) as live:
            return watch(lambda: [*status(settings), *live.lines()])
    tell("\n".join(status(settings)))
    return 0


def _plan(settings: Settings, options: argparse.Namespace) -> int:
    wanted = _stage(options.stage or ALL, (*STAGES, ALL))
    if goes_to_queue(settings.platform, os.environ):
        from harness.verbs.queue import script

        tell(script(settings, [wanted]))
        return 0
    from harness.engine.checks import check
    from harness.stages.workflow import survey

    tell(f"# {header(settings)}")
    tell(plan(survey(settings, STAGES if wanted == ALL else [wanted])))
    try:
        check(settings, asks_engine=True)
    except ConfigError as error:
        tell(f"# would be refused here: {error.message} (try: {error.remedy})")
    return 0


def _why(settings: Settings, options: argparse.Namespace) -> int:
    from harness.stages.workflow import survey

    step = survey(settings, [_stage(options.stage, STAGES)])[-1]
    tell(why(step))
    return 1 if step.reasons else 0


def _stage(name: str | None, known: Sequence[str]) -> str:
    if name is None:
        raise ConfigError(
            f"no stage given; there are {', '.join(known)}",
            remedy="make why STAGE=train, or jamcam why train",
        )
    if name not in known:
        raise ConfigError(f"there is no stage {name}", remedy=f"write {nearest(name, known)}")
    return name


def _show_config(settings: Settings, options: argparse.Namespace) -> int:
    tell(config(settings))
    return 0


def status(settings: Settings) -> list[str]:
    """What there is to say of a workspace, in lines: stages, the run under way, what earlier tries left."""
    from harness.stages.workflow import survey
    from harness.workspace.kept import every_set, summary

    steps = survey(settings, STAGES)
    undone = [step.stage for step in steps if step.reasons]
    lines = [header(settings), *status_table(steps).splitlines()]
    if undone or Workspace(settings.workspace).lock.exists():
        from harness.stages.activity import activity

        lines += activity(settings, undone)
    if aside := every_set(Workspace(settings.workspace)):
        place, most = settings.workspace / ".kept", f"of at most {settings.kept_gib:g} GiB (KEPT_GIB)"
        lines.append(f"aside in {place}, to be taken back with their settings: {summary(aside)} {most}")
    return lines


def status_table(steps: "Sequence[Step]") -> str:
    """One row a stage: state, when it was done, how long it took, why it is not done."""
    rows = [("stage", "state", "finished (UTC)", "took", "why it would run")]
    for step in steps:
        finished = step.marker.finished_utc[:19].replace("T", " ") if step.marker else ""
        took = duration(step.marker.duration_s) if step.marker else ""
        rows.append((step.stage, _state(step), finished, took, shortened(step.reasons, shown=1)))
    return columns(rows)


def _state(step: "Step") -> str:
    if step.coming:
        return "to take back" if step.coming != step.marker else "done then"
    return "to do" if step.reasons else "done"


def why(step: "Step") -> str:
    """Why a stage would run, a reason a line."""
    if not step.reasons:
        finished = step.marker.finished_utc if step.marker else ""
        return (
            f"{step.stage} is done since {finished}: "
            "nothing that goes in has changed, and its products are there"
        )
    first = f"{step.stage} {_instead(step)}" if step.coming else f"{step.stage} would run"
    return "\n".join([f"{first}:", *(f"  {reason}" for reason in step.reasons)])


def _instead(step: "Step") -> str:
    """What a stage does that computes nothing although there are reasons to."""
    if step.coming and step.coming != step.marker:
        return f"takes back what it made with these settings, done {step.coming.finished_utc}"
    return "stays as it is, once the stages before it took back what they made"


def plan(steps: "Sequence[Step]") -> str:
    """Every argument list that would run, as a person could type it; NEW stands for the attempt's folder."""
    lines = []
    for step in steps:
        if not step.reasons:
            continue
        after = [f"after {', '.join(step.after)}"] if step.after else []
        lines.append(f"# {step.stage}: {'; '.join([*step.own, *after])}")
        by_itself = _instead(step) if step.coming else "done by the harness itself; no engine is asked"
        lines += [shlex.join(argv) for argv in step.argv] or [f"# ({by_itself})"]
    return "\n".join(lines) or "# nothing to do: every stage is done"


def config(settings: Settings) -> str:
    """Every variable, its value, and where that came from."""
    values = {variable.name: getattr(settings, variable.field) for variable in VARIABLES}
    rows = [
        (name, str(getattr(value, "name", value)), settings.origins[name]) for name, value in values.items()
    ]
    return columns([("variable", "value", "from"), *rows])


VERBS = (
    Verb(
        name="status",
        help="which stages are done, and why the others are not",
        run=_status,
        settings=(*WORKFLOW, "deep", "kept_gib"),
        options=(WATCH,),
    ),
    Verb(
        name="plan",
        help="every command that would run; runs nothing",
        run=_plan,
        settings=(*WORKFLOW, *QUEUE, "deep", "kept_gib"),
        options=(STAGE,),
    ),
    Verb(
        name="why",
        help="why a stage would run or not (status 1: it would)",
        run=_why,
        settings=(*WORKFLOW, "deep"),
        options=(STAGE,),
        positionals=(Option(name="stage", help="which stage"),),
    ),
    Verb(
        name="show-config",
        help="every setting, and where its value came from",
        run=_show_config,
        settings=tuple(variable.name for variable in VARIABLES),
    ),
)
