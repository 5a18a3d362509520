"""Verbs about measuring and records: bench, scaling, seeds, plots, compare, gate, import-dmon."""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from harness import __version__
from harness.answer import Answer
from harness.engine.find import python_environment
from harness.errors import ConfigError
from harness.files import write_json
from harness.settings.declared import declared_names
from harness.settings.load import load_settings
from harness.settings.platform import goes_to_queue
from harness.settings.variables import Settings
from harness.text import duration, tell
from harness.verbs.queue import left_of_study, through_queue
from harness.verbs.run import header
from harness.verbs.verb import FORCE, JSON, QUEUE, WORKFLOW, A, B, Option, Verb
from harness.workspace.layout import Workspace

TITLE = "measuring"
COUNT = re.compile("[0-9]{1,4}")
SEEDS = 5  # that a band is made of, unless another number is given
SETTINGS = (*WORKFLOW, *QUEUE, "results", "keep", "gpu_hz", "host_hz")


def _bench(settings: Settings, options: argparse.Namespace) -> int:
    """Sessions one after another; stopped in between, the same command goes on with those that are left."""
    count = _count("sessions", options.sessions, default=1, least=1)
    if count == 1:
        return _measure("bench", settings)
    from harness.measure import sessions
    from harness.measure.plan import load_plan

    plan = load_plan(settings.recipe.name)
    is_in_job = settings.platform.scheduler != "none" and not goes_to_queue(settings.platform, os.environ)
    for number in range(count):
        records = sessions.newest_sessions(settings.results, settings.platform.name, settings.recipe.name)
        if number and sessions.finished(records) >= count:
            break
        if not is_in_job and (pause_s := sessions.pause_s(records, count, plan)):
            tell(
                f"bench | {sessions.told_of(plan)}: waiting for {duration(pause_s)}; Ctrl-C, and go on later"
            )
            time.sleep(pause_s)
        status = _measure("bench", settings, count=count)
        if status or is_in_job:  # a job does not wait on its nodes: the command that submitted it does
            return status
    tell(f"bench | {count} sessions are measured; {sessions.told_of(plan)}")
    return 0


def _count(name: str, text: str | None, *, default: int, least: int) -> int:
    if text is None:
        return default
    if not COUNT.fullmatch(text) or int(text) < least:
        raise ConfigError(f"{name} is '{text}', expected {least} to 9999", remedy=f"give {name.upper()}=3")
    return int(text)


def _scaling(settings: Settings, options: argparse.Namespace) -> int:
    """A study for each count of GPUs; in a queue each has a job of its own, no larger than it needs."""
    from harness.measure.efficiency import batches

    counts = [{"gpus": count} for count in options.gpus.split(",")] if options.gpus else [{}]
    studies = [load_settings({**settings.cli_options, **count}, os.environ, SETTINGS) for count in counts]
    for study in studies:
        batches(study)  # what cannot be divided is refused before anything is measured
    return max(_measure("scaling", study) for study in left_of_study(studies))


def _seeds(settings: Settings, options: argparse.Namespace) -> int:
    count = _count("n", options.n, default=SEEDS, least=2)
    from harness.measure import seeds
    from harness.measure.band import band_file

    target = band_file(str(settings.recipe_file))
    seeds.require_as_it_stands(settings, target)
    if goes_to_queue(settings.platform, os.environ):
        return through_queue(settings, ["seeds", f"--n={count}"])
    from harness.engine.checks import check

    check(settings)
    folder = Workspace(settings.workspace).seeds
    own, *every = (
        load_settings(
            {**settings.cli_options, "seed": str(seed), "workspace": str(folder / str(seed))},
            os.environ,
            WORKFLOW,
        )
        for seed in (settings.seed, *seeds.numbers(settings, count))
    )
    band = seeds.train_all(own, every, say=lambda text: tell(f"seeds | {text}"))
    write_json(target, asdict(band))
    tell(f"{seeds.table(band)}\nband: {target}; commit it beside the recipe")
    return 0


def _measure(verb: str, settings: Settings, *, count: int = 1) -> int:
    if goes_to_queue(settings.platform, os.environ):
        return through_queue(settings, [verb, *([f"--sessions={count}"] if count > 1 else [])])
    from harness.engine.checks import check
    from harness.measure.bench import bench
    from harness.report.lines import bench_lines

    tell(f"jamcam {__version__} {verb} on {settings.platform.name}: {header(settings)}")
    check(settings)
    records = bench(
        _of_stages(settings),
        say=lambda text: tell(f"{verb} | {text}"),
        scaling=verb == "scaling",
        count=count,
    )
    tell("\n".join(bench_lines(records)))
    draw(settings)
    tell(f"records: {settings.results / settings.platform.name}")
    return 0 if records and all(record.status == "ok" for record in records) else 1


def _of_stages(settings: Settings) -> Settings:
    """A stage that fails in a bench names its own command, which takes no options about measuring."""
    return replace(
        settings, cli_options={name: text for name, text in settings.cli_options.items() if name in WORKFLOW}
    )


def draw(settings: Settings) -> None:
    """Draw the records. They are there, which is what was asked for: a plot that fails is only told.

    A program of its own draws, so that whatever goes wrong in a drawing library cannot end this one.
    """
    argv = (sys.executable, "-m", "harness", "plots", f"--results={settings.results}")
    environment = python_environment("harness")
    done = subprocess.run(
        argv, env=environment, stderr=subprocess.PIPE, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = done.stderr.strip()
        if "Traceback" in said or not said:
            last = said.splitlines()[-1] if said else f"it ended with status {done.returncode}"
            said = f"{last}\n  try: jamcam plots, which says where"
        tell(f"nothing was drawn: {said.removeprefix('jamcam: ')}")


def _plots(settings: Settings, options: argparse.Namespace) -> int:
    from harness.report.redraw import redraw

    redraw(settings.results, say=tell)
    return 0


def _compare(settings: Settings, options: argparse.Namespace) -> Answer:
    from harness.reproduce.compare_runs import compared_runs, names_run

    if not (options.a and options.b):
        raise ConfigError(
            "two sides are needed: platforms, benches or records, or two workspaces or crates",
            remedy="jamcam compare --a=X --b=Y",
        )
    if names_run(options.a) or names_run(options.b):
        return compared_runs(settings.results, options.a, options.b, force=options.force)
    from harness.report.judgement import compared

    _refuse_unmeasured(settings.results, f"{options.a},{options.b}".split(","))
    return compared(settings.results, options.a, options.b, force=options.force)


def _refuse_unmeasured(results: Path, names: Sequence[str]) -> None:
    """Platforms that have no records are told from names that nothing has."""
    for name in names:
        if name in declared_names("platforms") and not (results / name).is_dir():
            raise ConfigError(
                f"the platform {name} has no records in {results} yet",
                remedy=f"there: make bench PLATFORM={name}; or jamcam records add FILE that was sent in",
            )


def _gate(settings: Settings, options: argparse.Namespace) -> Answer:
    from harness.measure.band import read_band
    from harness.report.judgement import gate

    return gate(
        settings.results,
        settings.platform.name,
        settings.recipe.name,
        force=options.force,
        junit_file=Path(options.junit) if options.junit else None,
        band=read_band(str(settings.recipe_file)),
    )


def _import_dmon(settings: Settings, options: argparse.Namespace) -> int:
    from harness.measure.import_dmon import import_dmon
    from harness.measure.record_files import read_record

    for folder in import_dmon(Path(options.file), settings):
        tell(f"imported: {folder}")
        probe = read_record(folder).probe
        tell("\n".join(f"  {fault}" for fault in probe.faults) if probe else "")
    return 0


VERBS = (
    Verb(
        name="bench",
        help="measure this machine under the name of a platform, and leave records in results/",
        run=_bench,
        settings=SETTINGS,
        options=(Option(name="sessions", help="how many sessions `bench` measures, half an hour apart"),),
    ),
    Verb(
        name="scaling",
        help="measure training on 1,2,4 GPUs: the same batch over all of them, and the same on each",
        run=_scaling,
        settings=SETTINGS,
        options=(Option(name="gpus", help="how many GPUs of each machine, several with commas: 1,2,4"),),
    ),
    Verb(
        name="seeds",
        help="train a recipe with several seeds, and write the band of what comes out beside the recipe",
        run=_seeds,
        settings=(*WORKFLOW, *QUEUE),
        options=(Option(name="n", help="how many seeds `seeds` trains"),),
    ),
    Verb(
        name="plots",
        help="redraw plots and the README's Benchmarking section from results/ alone",
        run=_plots,
        settings=("results",),
    ),
    Verb(
        name="compare",
        help="how records, workspaces or crates A and B differ (status 5: they must not be compared)",
        run=_compare,
        settings=("results",),
        options=(A, B, FORCE, JSON),
    ),
    Verb(
        name="gate",
        help="status 3 if a platform's newest bench is worse than its reference, 5 if that cannot be told",
        run=_gate,
        settings=("results", "platform", "recipe"),
        options=(
            Option(name="junit", help="a file that `gate` writes its answer to, as JUnit XML"),
            FORCE,
            JSON,
        ),
    ),
    Verb(
        name="import-dmon",
        help="make records of a file, or of a pipe (-), that nvidia-smi dmon -o TD wrote",
        run=_import_dmon,
        settings=("results", "platform"),
        positionals=(Option(name="file", help="a file that nvidia-smi dmon wrote", is_required=True),),
    ),
)
