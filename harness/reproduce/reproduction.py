"""Running a recorded run again in a workspace of its own, and comparing the two.

The run is done by `jamcam` as a program, so that with EXACT it can be the one of another commit. Whatever
ends a reproduction, the same command goes on: the stages that are done stay, as in every workspace.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from harness.clock import utc
from harness.engine.find import python_environment
from harness.errors import CannotTell, ConfigError, HarnessError, Locked
from harness.files import read_json, remove, sha256_file, write_json, write_text
from harness.process.console import bound_to_us
from harness.reproduce.adopt import adopt, upstream_of
from harness.reproduce.asked import only_frames_at_hand, options_of, words_of
from harness.reproduce.differences import differences, promised
from harness.reproduce.exact import ExactPlan, make_exact, plan_exact
from harness.reproduce.foretell import Computing, ask_computing, foretell, threads_of
from harness.reproduce.receipt import (
    Receipt,
    StageTimes,
    fact_rows,
    judged,
    product_rows,
    side,
    write_receipt,
)
from harness.reproduce.sameness import compare_runs
from harness.reproduce.source import Run, find_source, read_run, record_run
from harness.settings.load import load_settings
from harness.settings.numbers import AUTO
from harness.settings.variables import Settings
from harness.text import duration
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES, read_marker

Say = Callable[[str], None]
Hold = Callable[[Workspace], AbstractContextManager[None]]
FOLDER = ".reproduction"  # of its workspace: what was asked for, sources and packages, the unpacked crate
PLACE = "reproductions"  # of the current folder, unless WORKSPACE says another one
DIGITS = 12
# What the user may choose otherwise than the other run had it, and what a queue is told.
CHOICES = (
    *("platform", "engine", "image", "tao_version"),
    *("account", "qos", "partition", "wall_time", "array"),
)
PATHS = ("platform", "image")  # which may be given by one
ENGINES = {"portable": "portable", "tao": "tao"}
KEYS = ("JAMCAM_KEY", "JAMCAM_KEY_FILE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is to be reproduced, and how; `only` is empty for every stage that was finished there."""

    what: str
    exact: bool = False
    only: tuple[str, ...] = ()
    again: str = ""  # the command that goes on
    words_to: int = 1  # the file descriptor of what the run itself prints
    say: Say
    hold: Hold  # nobody else works in a workspace inside this context


def reproduce(settings: Settings, request: Request) -> tuple[Path, Receipt]:
    """Do it, and return the receipt with its file.

    Raises:
        ConfigError: there is no such run, or the workspace is of another reproduction.
        Locked: another run works in one of the two.
        DataError: what was recorded cannot be right.
        CannotTell: it cannot be done here, with why.
        HarnessError: a stage failed; what was done stays.
    """
    kind, path = find_source(request.what, settings.results)
    own, known = _room(kind, path, settings)
    with request.hold(own):  # not while the run is at work, which holds it itself
        there = known or _unpacked(path, own)
        coming = _prepare(there, own, settings, request)
    began_s = time.time()
    _run(coming.argv, _environment(own.root / FOLDER, there, coming.sources), coming.sources, own, request)
    request.say("comparing the products")
    here = read_run(own.root)
    receipt = _receipt(there, here, coming.stages, coming.taken, request, began_s=began_s)
    return write_receipt(own.root, receipt), receipt


class _Coming(NamedTuple):
    """A run that is about to begin: its stages, those that are taken over, and the command with its code."""

    stages: Sequence[str]
    taken: Sequence[str]
    argv: Sequence[str]
    sources: Path | None  # None: ours


def _prepare(there: Run, own: Workspace, settings: Settings, request: Request) -> _Coming:
    """Settle what will run, tell what differs, and take over what is not made again."""
    stages = [stage for stage in STAGES if stage in (request.only or there.markers or STAGES)]
    _require(there, request, stages)
    taken = upstream_of(stages)
    if not request.only and only_frames_at_hand(there):
        request.say("the archive of its data is not at hand, its frames are: download is not done again")
        taken, stages = ["download"], stages[1:]
    folder = own.root / FOLDER
    plan = plan_exact(there) if request.exact else None
    choices = {**_choices(settings, there), "deep": "1", "workspace": str(own.root)}
    asked = partial(options_of, there, own, folder, archive_needed="download" not in taken)
    python, sources = _program(plan, folder, request.say)
    options, chosen, computing = _as_here(there, asked() | choices, folder, python, request)
    _tell_before(there, foretell(there, chosen, plan, computing), request.say)
    options = asked(as_then=True) | choices if plan else options
    adopt(there, own, chosen, taken, exact=request.exact)
    words = ["all"] if [*taken, *stages] == [*STAGES] and not request.only else [f"--{one}" for one in stages]
    return _Coming(stages, taken, [python, "-m", "harness", *words, *words_of(options)], sources)


def _as_here(
    there: Run, options: Mapping[str, str], folder: Path, python: str, request: Request
) -> tuple[dict[str, str], Settings, Computing]:
    """The options and their settings, with auto for a number format that nothing here computes in."""
    environment = _environment(folder, there)
    chosen = load_settings(options, environment)
    computing = ask_computing(chosen, python, there)
    if not computing.lacks(chosen.numbers) or request.exact:
        return {**options}, chosen, computing
    request.say(f"nothing computes in {chosen.numbers} here: trained in what is faster (auto)")
    instead = {**options, "numbers": AUTO}
    return instead, load_settings(instead, environment), computing


def _program(plan: ExactPlan | None, folder: Path, say: Say) -> tuple[str, Path | None]:
    """The Python that will run it, and its sources where these are not ours."""
    if plan is None:
        return sys.executable, None
    for line in plan.told():
        say(line)
    return make_exact(plan, folder, say=say)


def _tell_before(there: Run, coming: Run, say: Say) -> None:
    """What differs before anything runs, and what may be expected."""
    found = differences(there, coming)
    for one in found:
        say(f"differs: {one}")
    level, why = promised(found, coming.facts.get("processor"))
    say(f"expected: {level.value}: {why}")


def _room(kind: str, path: Path, settings: Settings) -> tuple[Workspace, Run | None]:
    """The workspace of this reproduction, and the run that it is of; None where that is in a crate."""
    if kind == "workspace" and Workspace(path).lock.exists():
        raise Locked(
            f"a run is, or was, at work in {path}: what lies there may change while it is compared",
            remedy=f"wait for it; if it is gone: jamcam unlock --workspace={path}",
        )
    known = read_run(path) if kind == "workspace" else record_run(path) if kind == "record" else None
    key = known.digest if known else sha256_file(path)
    # JAMCAM_WORKSPACE and luigi.cfg name the workspace that the user works in, which is another one.
    is_chosen = "workspace" in settings.cli_options
    root = settings.workspace if is_chosen else Path.cwd() / PLACE / f"{kind}-{key[:DIGITS]}"
    if root.resolve() == path.resolve() or path.resolve() in root.resolve().parents:
        raise ConfigError(
            f"{root} is the run that is to be reproduced, and a reproduction has a workspace of its own",
            remedy="give another WORKSPACE, or none",
        )
    note = root / FOLDER / "source.json"
    if root.exists() and any(root.iterdir()) and read_json(note) != {"kind": kind, "digest": key}:
        raise ConfigError(
            f"{root} holds something else than a reproduction of this run",
            remedy="give another WORKSPACE, or none",
        )
    write_json(note, {"kind": kind, "digest": key})
    return Workspace(root), known


def _unpacked(path: Path, own: Workspace) -> Run:
    """The run of a crate. The workspace is held: another reproduction may be at work on what lies there."""
    from harness.reproduce.crate_reader import unpack  # only a crate needs what reads archives

    folder = own.root / FOLDER / "crate"
    remove(folder)
    folder.mkdir(parents=True)
    return unpack(path, folder)


def _require(there: Run, request: Request, stages: Sequence[str]) -> None:
    if request.only and not there.markers:
        raise CannotTell(
            "a record has no products to begin with, as ONLY does",
            remedy="leave ONLY out, or name a workspace",
        )
    missing = [stage for stage in stages if there.markers and stage not in there.markers]
    if missing:
        raise ConfigError(
            f"{missing[0]} was not finished there; finished are {', '.join(there.markers)}",
            remedy="name stages of these with ONLY",
        )


def _choices(settings: Settings, there: Run) -> dict[str, str]:
    """Engine, image and platform: the user's where they are given, else the engine of then."""
    given = {name: text for name, text in settings.overrides.items() if name in CHOICES}
    given |= {name: str(Path(given[name]).absolute()) for name in PATHS if "/" in given.get(name, "")}
    engine = ENGINES.get(str(there.facts.get("engine")), "here")
    return {"platform": settings.platform.name, "engine": engine, **given}


def _environment(folder: Path, there: Run, sources: Path | None = None) -> dict[str, str]:
    """What the program is started with: no settings but those on its command line, and as many threads."""
    package = python_environment("harness")
    if sources:
        package = {**package, "PYTHONPATH": str(sources)}
    names = {name: text for name, text in package.items() if not name.startswith("JAMCAM_") or name in KEYS}
    empty = folder / "luigi.cfg"
    if not empty.exists():
        write_text(empty, "[jamcam]\n")
    return {**names, **threads_of(there), "LUIGI_CONFIG_PATH": str(empty)}


def _run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    sources: Path | None,
    own: Workspace,
    request: Request,
) -> None:
    process = subprocess.Popen(bound_to_us(argv), env=dict(environment), cwd=sources, stdout=request.words_to)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        would_do = f" (a copy of the archive in {own.data} would do, or a crate made WITH=data)"
        copy = would_do if read_marker(own, "download") is None else ""
        error = HarnessError(
            f"the run did not come to its end (jamcam ended with {status}, its words are above); "
            f"what was done is kept in {own.root}",
            remedy=f"remove the cause{copy}, then go on with: {request.again}",
        )
        error.exit_status = status if status > 0 else 128 - status
        raise error


def _receipt(
    there: Run, here: Run, stages: Sequence[str], taken: Sequence[str], request: Request, *, began_s: float
) -> Receipt:
    found = differences(*(replace(run, facts=run.facts_of(stages)) for run in (there, here)))
    comparison = compare_runs(there, here, stages, found)
    verdict, level = judged(comparison.rows)
    expected, why = promised(found, here.facts.get("processor"))
    now = time.time()
    request.say(f"compared {len(comparison.rows)} products; with the run this took {duration(now - began_s)}")
    return Receipt(
        verdict=verdict,
        level=level,
        promised=expected.value,
        promised_because=why,
        there=side(there, stages),
        here=side(here, stages),
        exact=request.exact,
        only=tuple(stages) if taken else (),
        differences=fact_rows(found),
        stages=tuple(
            _times(there, here, stage, is_ours=stage in stages) for stage in STAGES if stage in here.markers
        ),
        products=product_rows(comparison.rows),
        network=comparison.network,
        made_utc=utc(now),
        duration_s=round(now - began_s, 3),
    )


def _times(there: Run, here: Run, stage: str, *, is_ours: bool) -> StageTimes:
    assert here.folder is not None
    own, other = read_marker(Workspace(here.folder), stage), there.markers.get(stage)
    attempts = Workspace(here.folder).attempts / stage
    return StageTimes(
        stage=stage,
        there_s=other.duration_s if other else None,
        here_s=own.duration_s if own and is_ours else None,
        here_started_utc=own.started_utc if own and is_ours else "",
        attempts=len([*attempts.iterdir()]) if attempts.is_dir() else 0,
    )
