"""Verbs that run stages: each of the nine, `all`, and stages as flags; and how their end is told."""

import argparse
import dataclasses
import os
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness import __version__
from harness.errors import ConfigError, raise_first
from harness.files import read_json
from harness.settings.platform import goes_to_queue
from harness.settings.variables import Settings, option
from harness.text import columns, duration, last_lines, shortened, tell
from harness.verbs.curve import CURVE, draw_curve
from harness.verbs.verb import FORCE, QUEUE, WORKFLOW, Option, Verb
from harness.workspace.layout import FILLED_SPECS, Workspace
from harness.workspace.marker import STAGES

if TYPE_CHECKING:
    from harness.stages.workflow import Ending

TITLE = "stages, in order; each runs what it depends on"
ALL = "all"
HELPS = {
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
SETTINGS = (*WORKFLOW, *QUEUE, "deep", "kept_gib")
VERBOSE = Option(name="verbose", help="show what luigi says, too", is_switch=True)
DETECTIONS = "detections"  # which NVIDIA's program and older workspaces lack
# What people look for: the stage that makes it, what it is, and where it lies; of several files the last one.
PLACES = (
    ("train", "weights", "experiment/weights", "yolov4_*"),
    ("train", "learning curve", "experiment", f"{CURVE}.png"),
    ("train", "spec for yolo_v4", FILLED_SPECS, "{spec}"),
    ("eval", "scores", "experiment", "metrics.json"),
    ("eval", DETECTIONS, "experiment", "detections.jsonl"),
    ("vis", "pictures", "experiment/visualisations", "images_annotated"),
    ("export", "exported model", "experiment/export", "yolov4_*"),
)
CURVED = (("train", "done"), ("train", "taken back"))


def stages(names: Sequence[str], settings: Settings, options: argparse.Namespace) -> int:
    """Run the named stages here, or bring them through the queue of the platform."""
    wanted = STAGES if ALL in names else names
    words = list(names) if len(names) == 1 else [f"--{name}" for name in names]
    if getattr(options, FORCE.name, False):
        settings, words = _forced(settings), [*words, option(FORCE.name)]
    if goes_to_queue(settings.platform, os.environ):
        from harness.verbs.queue import through_queue

        return through_queue(settings, words, wanted)
    return _here(settings, wanted, verbose=options.verbose)


def _forced(settings: Settings) -> Settings:
    """These settings, with which int8 is written although it could not be judged.

    Raises:
        ConfigError: the export is not in int8, so that the word would do nothing.
    """
    recipe = settings.recipe
    if recipe.precision != "int8":
        raise ConfigError(
            f"FORCE writes int8 that could not be judged, and {recipe.name} exports {recipe.precision}",
            remedy="leave it out",
        )
    return dataclasses.replace(settings, forced=True)


def _by_flags(settings: Settings, options: argparse.Namespace) -> int:
    names = [name for name in HELPS if getattr(options, name)]
    if not names:
        raise ConfigError(
            "neither a verb nor a stage was given", remedy="jamcam all, or another that jamcam --help lists"
        )
    return stages(names, settings, options)


def _here(settings: Settings, names: Sequence[str], *, verbose: bool) -> int:
    from harness.stages import workflow

    began_s = time.monotonic()
    tell(f"jamcam {__version__}: {header(settings)}")
    endings = workflow.kept(settings, names)
    if not endings:
        from harness.engine.checks import check
        from harness.verbs.tidy import held

        for remark in check(settings):
            tell(f"jamcam: {remark}")
        with held(Workspace(settings.workspace)):
            try:
                endings = workflow.run(settings, names, verbose=verbose)
            except workflow.RunInterrupted as interruption:
                tell(closing(interruption.endings, settings))
                raise
    if any((ending.stage, ending.outcome) in CURVED for ending in endings):
        draw_curve(Workspace(settings.workspace))
    tell(closing(endings, settings, lasted_s=time.monotonic() - began_s))
    raise_first([ending.error for ending in endings if ending.error])
    return 0


def header(settings: Settings) -> str:
    """One line: what this run is about."""
    return (
        f"recipe {settings.recipe.name}, data set {settings.dataset.name}, engine {settings.engine}, "
        f"workspace {settings.workspace}"
    )


def closing(endings: "Sequence[Ending]", settings: Settings, *, lasted_s: float = 0.0) -> str:
    """How a run ended: a row for each stage, what was measured, where it all lies, and what to do next."""
    if all(ending.outcome == "kept" for ending in endings):
        text = "nothing to do: " + ", ".join(ending.stage for ending in endings) + " are done"
    else:
        text = _table(endings) + (f"\nin all {duration(lasted_s)}" if lasted_s else "")
    if any(ending.outcome not in ("done", "taken back", "kept") for ending in endings):
        return "\n\n".join([text, *(failure(ending) for ending in endings if ending.outcome == "failed")])
    reached = {ending.stage for ending in endings}
    scores = measured(settings, endings) if "eval" in reached else ""
    lines = [text, scores, *_places(settings, reached), _next_step(endings, settings)]
    return "\n".join(filter(None, lines))


def _table(endings: "Sequence[Ending]") -> str:
    words = {"kept": "was done", "failed": "FAILED"}
    rows = [("stage", "this run", "took", "products")]
    for ending in endings:
        marker = ending.marker if ending.outcome in ("done", "taken back") else None
        took = duration(marker.duration_s) if marker and ending.outcome == "done" else ""
        products = shortened([product.path for product in marker.products]) if marker else ""
        rows.append((ending.stage, words.get(ending.outcome, ending.outcome), took, products))
    return columns(rows)


def _places(settings: Settings, reached: Collection[str]) -> list[str]:
    """Where people find what they wanted the run for; only what is there."""
    found = []
    for stage, what, folder, pattern in PLACES:
        if stage in reached and (
            paths := sorted((settings.workspace / folder).glob(pattern.format(spec=settings.recipe.spec)))
        ):
            found.append(f"{what}: {paths[-1]}")
        elif stage in reached and what == DETECTIONS:
            found.append(f"{what}: not recorded")
    return found


def failure(ending: "Ending") -> str:
    """The last lines of a failed stage's log, and where the rest is."""
    if ending.log is None or not ending.log.exists():
        return f"{ending.stage} left no log"
    return "\n".join([f"last lines of {ending.log}:", *(f"  {line}" for line in last_lines(ending.log))])


def measured(settings: Settings, endings: "Sequence[Ending]" = ()) -> str:
    """Average precision on the test frames, next to what the recipe expects; and whether seeds explain it."""
    from harness.stages.eval import METRICS

    path = settings.workspace / METRICS["test"]
    if not path.exists():
        return ""
    table, expected, parts = read_json(path), settings.recipe.expected, []
    try:
        for name, value in [("mAP", table["mAP"]), *table["AP"].items()]:
            wanted = _wanted(expected[name]) if name in expected else ""
            parts.append(
                f"{name} {value:.3f}{wanted}" if value is not None else f"{name} not in these frames"
            )
        scores = f"AP at IoU {table['iou_threshold']} on {table['images']} test frames: " + ", ".join(parts)
    except (KeyError, TypeError, ValueError, AttributeError):  # edited since: DEEP finds that, sizes may not
        deep = "DEEP=1" if settings.via_make else "--deep=1"
        return f"no scores can be read from {path}; to make them again: {settings.command('eval')} {deep}"
    from harness.measure.trained import landing_lines

    markers = {ending.stage: ending.marker for ending in endings if ending.marker}
    trains = any((ending.stage, ending.outcome) == ("train", "done") for ending in endings)
    return "\n".join([scores, *landing_lines(settings, markers, table, trains=trains)])


def _wanted(bound: float) -> str:
    # Of a recipe for tests; somebody who sees 0 there should not look for a mistake.
    return f" (expected {bound:.2f} or more)" if bound else " (0 is expected of so short a training)"


def _next_step(endings: "Sequence[Ending]", settings: Settings) -> str:
    last = STAGES.index(endings[-1].stage)
    return f"next: {settings.command(STAGES[last + 1])}" if last + 1 < len(STAGES) else ""


VERBS = tuple(
    Verb(
        name=name,
        help=words,
        run=partial(stages, [name]),
        settings=SETTINGS,
        options=(VERBOSE, FORCE) if name == "export" else (VERBOSE,),
    )
    for name, words in HELPS.items()
)
# `jamcam --download --verify`, as in the original workflow.
FLAGS = Verb(
    name="",
    help="stages as flags, alone or together; they run in order",
    run=_by_flags,
    settings=SETTINGS,
    options=(VERBOSE, *(Option(name=name, help=words, is_switch=True) for name, words in HELPS.items())),
)
