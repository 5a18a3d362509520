"""`jamcam`: the verbs a person types, and the one place that turns failures into words and exit statuses."""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import __version__
from harness.errors import ConfigError, HarnessError
from harness.process.signals import Interrupted, listen
from harness.queue.states import MEASURING
from harness.settings.variables import VARIABLES, Settings
from harness.workspace.layout import Workspace
from harness.workspace.marker import STAGES

ALL = "all"
DESCRIPTIONS = {
    "download": "fetch (or make) the archive, unpack it, split train and test",
    "verify": "check names, sizes, boxes and pairs; convert the labels; print the numbers",
    "gen-valid": "set part of the training frames aside for validation",
    "tune-bdb": "find nine anchor boxes for this data",
    "convert-data": "write TFRecords of train, val and test",
    "train": "train the network",
    "eval": "average precision of each class, on the test and validation frames",
    "vis": "draw what the network finds on test frames",
    "export": "write ONNX and check it against the model",
    ALL: "every stage that is not done yet",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `jamcam` and return its exit status: 0 done, 1 failed, 2 usage, 3 refused, 4 locked, 128 + n on signal n."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["inside"]:  # what batch scripts call; it has signals of its own
        from harness.verbs.queue import inside

        return inside(words[1:])
    parser = _parser()
    options = parser.parse_args(words)
    listen()
    try:
        return _run(parser, options)
    except HarnessError as error:
        return _complain(error)
    except Interrupted as error:
        print(f"\njamcam: {error}; what was done is kept\n  try: the same command again", file=sys.stderr)
        return 128 + error.signal
    except BrokenPipeError:
        # The reader of our output went away, as `jamcam plan | head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    named = [stage for stage in (*STAGES, ALL) if getattr(options, f"run_{stage}", False)]
    verb = options.verb
    if (verb is None) == (not named):
        parser.error("give one verb, or stages as flags such as --download --verify")
    if verb in DESCRIPTIONS:
        named, verb = [verb], None
    every = _of_study(options) if verb == "scaling" else [_settings(options)]
    return max(_do(settings, verb, named, options) for settings in every)


def _do(settings: Settings, verb: str | None, named: list[str], options: argparse.Namespace) -> int:
    names = list(STAGES) if ALL in named else named
    words = named if len(named) == 1 else [f"--{stage}" for stage in named]
    if verb in (None, *MEASURING) and _goes_to_queue(settings):
        return _queued(settings, [verb] if verb else words, names)
    if verb is None:
        return _stages(settings, names, options.verbose)
    return VERBS[verb][0](settings, options)


def _settings(options: argparse.Namespace) -> Settings:
    from harness.settings.load import load_settings

    given = {variable.name: getattr(options, variable.name, None) for variable in VARIABLES}
    return load_settings({name: text for name, text in given.items() if text is not None}, os.environ)


def _of_study(options: argparse.Namespace) -> list[Settings]:
    """Settings for each count of GPUs: where there is a queue, a job of its own asks for no more than it uses."""
    from harness.measure.efficiency import batches
    from harness.verbs.queue import left_of_study

    given = vars(options)
    counts = [{"gpus": count} for count in given["gpus"].split(",")] if "gpus" in given else [{}]
    every = [_settings(argparse.Namespace(**given | count)) for count in counts]
    for settings in every:
        batches(settings)  # what cannot be divided is refused before anything is measured
    return left_of_study(every)


def _stages(settings: Settings, names: list[str], verbose: bool) -> int:
    from harness.stages import workflow
    from harness.verbs import summary

    print(f"jamcam {__version__}: {summary.header(settings)}", flush=True)
    endings = workflow.kept(settings, names)
    if not endings:
        from harness.engine.checks import check

        for remark in check(settings):
            print(f"jamcam: {remark}", flush=True)
        with _held(settings):
            endings = workflow.run(settings, names, verbose=verbose)
    print(summary.closing(endings, settings), flush=True)
    statuses = [_complain(ending.error) for ending in endings if ending.error]
    return statuses[0] if statuses else 0


def _goes_to_queue(settings: Settings) -> bool:
    # Inside a job the work is done here.
    return settings.platform.scheduler == "slurm" and "SLURM_JOB_ID" not in os.environ


def _queued(settings: Settings, words: list[str], names: list[str]) -> int:
    from harness.stages import workflow
    from harness.verbs.queue import awaited, needs_network, through_queue

    if names and not awaited(settings, words) and not any(step.reasons for step in workflow.survey(settings, names)):
        print(f"nothing to do: {', '.join(names)} are done")
        return 0
    if needs_network(settings):
        with _held(settings):
            (ending,) = workflow.run(settings, ["download"], verbose=False)
        if ending.error:
            raise ending.error
    return through_queue(settings, words)


@contextlib.contextmanager
def _held(settings: Settings) -> Iterator[Workspace]:
    from harness.queue.slurm import is_over
    from harness.workspace.lock import workspace_lock

    workspace = Workspace(settings.workspace)
    with workspace_lock(workspace, say=lambda text: print(f"jamcam: {text}", flush=True), is_over=is_over):
        yield workspace


def _status(settings: Settings, options: argparse.Namespace) -> int:
    from harness.stages import workflow
    from harness.verbs import summary

    print(summary.header(settings))
    print(summary.status_table(workflow.survey(settings, STAGES)))
    return 0


def _why(settings: Settings, options: argparse.Namespace) -> int:
    from harness.stages import workflow
    from harness.verbs import summary

    name = options.stage or getattr(options, "stage_option", None)
    if name not in STAGES:
        found = f"no stage {name}" if name else "no stage given"
        raise ConfigError(f"{found}; there are {', '.join(STAGES)}", remedy="make why STAGE=train, or jamcam why train")
    step = workflow.survey(settings, [name])[-1]
    print(summary.why(step))
    return 1 if step.reasons else 0


def _of(module: str, verb: str) -> "Verb":
    def run(settings: Settings, options: argparse.Namespace) -> int:
        status: int = importlib.import_module(f"harness.{module}").VERBS[verb](settings, options)
        return status

    return run


def _plan(settings: Settings, options: argparse.Namespace) -> int:
    if _goes_to_queue(settings):
        from harness.verbs.queue import script

        print(script(settings, [getattr(options, "stage_option", ALL)]))
        return 0
    from harness.engine.checks import check
    from harness.stages import workflow
    from harness.verbs import summary

    print(f"# {summary.header(settings)}")
    print(summary.plan(workflow.survey(settings, STAGES)))
    try:
        check(settings)
    except ConfigError as error:
        print(f"# would be refused here: {error.message} (try: {error.remedy})")
    return 0


def _show_config(settings: Settings, options: argparse.Namespace) -> int:
    from harness.verbs import summary

    print(summary.config(settings))
    return 0


def _clean(settings: Settings, options: argparse.Namespace) -> int:
    from harness.verbs.cleaning import clean

    if not settings.workspace.is_dir():
        print(f"nothing to clean: there is no {settings.workspace}")
        return 0
    with _held(settings) as workspace:
        removed, kept = clean(workspace, archive=settings.dataset.archive, keep=settings.keep)
    print("removed: " + (", ".join(removed) or "nothing"))
    print("kept: " + (", ".join(kept) or "nothing") + f" (in {settings.workspace})")
    return 0


def _unlock(settings: Settings, options: argparse.Namespace) -> int:
    from harness.workspace.lock import unlock

    holder = unlock(Workspace(settings.workspace), force=getattr(options, "force", "0") not in ("", "0"))
    print(f"unlocked; it was held by {holder}" if holder else f"{settings.workspace} is not locked")
    return 0


def _scheduler(settings: Settings, options: argparse.Namespace) -> int:
    from harness.stages.luigid import serve

    return serve(Workspace(settings.workspace), port=settings.scheduler or 8082)


Verb = Callable[[Settings, argparse.Namespace], int]
VERBS: dict[str, tuple[Verb, str]] = {
    "status": (_status, "which stages are done, and why the others are not"),
    "plan": (_plan, "every command that would run; runs nothing"),
    "why": (_why, "why a stage would run or not (exit 1: it would)"),
    "show-config": (_show_config, "every setting, and where its value came from"),
    "bench": (_of("verbs.measure", "bench"), "measure this machine under the name of a platform, and leave records"),
    "scaling": (
        _of("verbs.measure", "scaling"),
        "measure training on --gpus=1,2,4, strong and weak, and leave records",
    ),
    "plots": (_of("verbs.measure", "plots"), "redraw plots and the README's Benchmarking section from records"),
    "compare": (
        _of("verbs.measure", "compare"),
        "how the records --a and --b compare; status 3: they must not be compared",
    ),
    "gate": (_of("verbs.measure", "gate"), "status 3 if the platform's newest bench is worse than its reference"),
    "import-dmon": (_of("verbs.measure", "import-dmon"), "make a record of a file that nvidia-smi dmon -o TD wrote"),
    "platforms": (_of("verbs.queue", "platforms"), "which machines there are files for"),
    "doctor": (
        _of("verbs.queue", "doctor"),
        "this machine against a platform's file: what is missing, and how to get it",
    ),
    "shell": (_of("verbs.queue", "shell"), "the line that gives a shell on a compute node of the platform"),
    "scheduler": (_scheduler, "luigi's web page, on this machine only"),
    "unlock": (_unlock, "take away the lock of a run that is gone"),
    "clean": (_clean, "remove products, markers and logs"),
}


def _parser() -> argparse.ArgumentParser:
    settings = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    group = settings.add_argument_group("settings (also JAMCAM_NAME in the environment, and luigi.cfg)")
    for variable in VARIABLES:
        group.add_argument(variable.option, dest=variable.name, metavar="X", help=variable.help)
    group.add_argument("--verbose", action="store_true", help="show what luigi says, too")
    group.add_argument("--stage", dest="stage_option", metavar="STAGE", help="the stage `why` explains")
    group.add_argument(
        "--force",
        nargs="?",
        const="1",
        metavar="1",
        help="`unlock` although the holder may be alive; `compare` and `gate` although conditions differ",
    )
    group.add_argument("--a", metavar="X", help="what `compare` looks at: platforms, benches or records, with commas")
    group.add_argument("--b", metavar="X", help="what it compares that with")
    parser = argparse.ArgumentParser(
        prog="jamcam",
        description="The JamCam workflow: nine stages from an archive to an exported detector.",
        parents=[settings],
        allow_abbrev=False,
    )
    parser.set_defaults(verbose=False, stage=None)
    parser.add_argument("--version", action="version", version=f"jamcam {__version__}")
    flags = parser.add_argument_group("stages as flags, alone or together; they run in order")
    for stage, words in DESCRIPTIONS.items():
        flags.add_argument(f"--{stage}", dest=f"run_{stage}", action="store_true", help=words)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for verb, words in {**DESCRIPTIONS, **{name: words for name, (_, words) in VERBS.items()}}.items():
        below = verbs.add_parser(verb, help=words, description=words, parents=[settings], allow_abbrev=False)
        if verb == "why":
            below.add_argument("stage", nargs="?", choices=STAGES, metavar="STAGE", help="which stage")
        if verb == "import-dmon":
            below.add_argument("file", type=Path, metavar="FILE", help="such as dmon_1234.txt")
    return parser


def _complain(error: HarnessError) -> int:
    print(f"jamcam: {error.message}\n  try: {error.remedy}", file=sys.stderr, flush=True)
    return error.exit_status
