"""Verbs that look and change nothing: status, plan, why, show-config."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.answer import Answer
from harness.errors import ConfigError
from harness.settings.platform import goes_to_queue
from harness.settings.table import nearest
from harness.settings.variables import VARIABLES, Settings
from harness.text import columns, duration, shortened, tell
from harness.verbs.run import ALL, header
from harness.verbs.verb import JSON, QUEUE, WORKFLOW, Option, Verb
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES

if TYPE_CHECKING:
    from harness.stages.activity import Activity
    from harness.stages.workflow import Step

TITLE = "looking"
WATCH = Option(name="watch", help="1: `status` is shown again and again, until Ctrl-C", is_switch=True)
STAGE = Option(name="stage", help="the stage that `why` explains, or that `plan` ends with")


def _status(settings: Settings, options: argparse.Namespace) -> int | Answer:
    if not options.watch:
        return status(settings)
    if options.json:
        raise ConfigError(
            "a look again and again is for people, JSON for programs", remedy="leave --watch or --json out"
        )
    from harness.verbs.live import Live
    from harness.verbs.watch import watch

    def look() -> list[str]:
        return status(settings).text.splitlines()

    if not sys.stdout.isatty():  # a log would have a line for each look
        return watch(look)
    with Live(Workspace(settings.workspace)) as live:
        return watch(lambda: [*look(), *live.lines()])


def _plan(settings: Settings, options: argparse.Namespace) -> Answer:
    wanted = _stage(options.stage or ALL, (*STAGES, ALL))
    if goes_to_queue(settings.platform, os.environ):
        from harness.verbs.queue import planned_job

        return planned_job(settings, [wanted])
    from harness.engine.checks import check
    from harness.stages.workflow import survey

    steps, refused = survey(settings, STAGES if wanted == ALL else [wanted]), None
    try:
        check(settings, asks_engine=True)
    except ConfigError as error:
        refused = error
    lines = [f"# {header(settings)}", plan(steps)]
    lines += [f"# would be refused here: {refused.message} (try: {refused.remedy})"] if refused else []
    table = {
        "steps": [_step_table(step) for step in steps if step.reasons],
        "batch_script": None,
        "refused": {"message": refused.message, "remedy": refused.remedy} if refused else None,
        "cannot_tell": [],
    }
    return Answer(text="\n".join(lines), table=table)


def _why(settings: Settings, options: argparse.Namespace) -> Answer:
    from harness.stages.workflow import survey

    step = survey(settings, [_stage(options.stage, STAGES)])[-1]
    table = {
        "stage": step.stage,
        "state": _state(step),
        "finished_utc": step.marker.finished_utc if step.marker else None,
        "reasons": list(step.reasons),
    }
    return Answer(text=why(step), table=table, status=1 if step.reasons else 0)


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


def status(settings: Settings) -> Answer:
    """What there is to say of a workspace: stages, the run under way, what earlier tries left."""
    from harness.stages.workflow import survey
    from harness.workspace.kept import every_set, size_bytes, summary

    workspace = Workspace(settings.workspace)
    steps = survey(settings, STAGES)
    undone = [step.stage for step in steps if step.reasons]
    lines = [header(settings), *status_table(steps).splitlines()]
    table = {
        "recipe": settings.recipe.name,
        "dataset": settings.dataset.name,
        "engine": settings.engine,
        "workspace": str(settings.workspace),
        "stages": [_stage_table(step) for step in steps],
        **_activity_table(None),
    }
    if undone or workspace.lock.exists():
        from harness.stages.activity import activity, activity_lines

        found = activity(settings, undone)
        lines += activity_lines(found, epochs=settings.epochs)
        table |= _activity_table(found)
    aside = every_set(workspace)
    if aside:
        place, most = settings.workspace / ".kept", f"of at most {settings.kept_gib:g} GiB (KEPT_GIB)"
        lines.append(f"aside in {place}, to be taken back with their settings: {summary(aside)} {most}")
    table["aside"] = {"sets": len(aside), "bytes": size_bytes(aside)}
    return Answer(text="\n".join(lines), table=table)


def _stage_table(step: "Step") -> dict[str, Any]:
    return {
        "stage": step.stage,
        "state": _state(step),
        "finished_utc": step.marker.finished_utc if step.marker else None,
        "duration_s": step.marker.duration_s if step.marker else None,
        "reasons": list(step.reasons),
    }


def _activity_table(found: "Activity | None") -> dict[str, Any]:
    """What `found` says; None: nobody works, and nothing is left to do."""
    if found is None:
        return {"run": None, "failed_tries": [], "kept_epochs": 0}
    run = {
        "holder": found.holder,
        "since_utc": found.held_since_utc,
        "stages": [asdict(one) for one in found.at_work],
    }
    tries = [{**asdict(each), "folder": str(each.folder)} for each in found.failed]
    return {"run": run if found.holder else None, "failed_tries": tries, "kept_epochs": found.kept_epochs}


def _step_table(step: "Step") -> dict[str, Any]:
    return {
        "stage": step.stage,
        "state": _state(step),
        "reasons": list(step.own),
        "after": list(step.after),
        "commands": [list(argv) for argv in step.argv],
    }


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
        options=(WATCH, JSON),
    ),
    Verb(
        name="plan",
        help="every command that would run; runs nothing",
        run=_plan,
        settings=(*WORKFLOW, *QUEUE, "deep", "kept_gib"),
        options=(STAGE, JSON),
    ),
    Verb(
        name="why",
        help="why a stage would run or not (status 1: it would)",
        run=_why,
        settings=(*WORKFLOW, "deep"),
        options=(STAGE, JSON),
        positionals=(Option(name="stage", help="which stage"),),
    ),
    Verb(
        name="show-config",
        help="every setting, and where its value came from",
        run=_show_config,
        settings=tuple(variable.name for variable in VARIABLES),
    ),
)
