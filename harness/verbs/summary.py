"""What a person reads: tables of stages, plans, and how a run ended. Text out of values; nothing is looked up."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.settings.variables import VARIABLES, Settings
from harness.stages.eval import METRICS
from harness.stages.workflow import Ending, Step
from harness.text import columns, duration, last_lines
from harness.workspace.marker import STAGES, Product

SHOWN_PRODUCTS = 2


def header(settings: Settings) -> str:
    """One line: what this run is about."""
    return (
        f"recipe {settings.recipe.name}, data set {settings.dataset.name}, engine {settings.engine}, "
        f"workspace {settings.workspace}"
    )


def status_table(steps: Sequence[Step]) -> str:
    """One row a stage: state, when it was done, how long it took, why it is not done."""
    rows = [("stage", "state", "finished (UTC)", "took", "why it would run")]
    for step in steps:
        state = "to do" if step.reasons else "done"
        finished = step.marker.finished_utc[:19].replace("T", " ") if step.marker else ""
        took = duration(step.marker.duration_s) if step.marker else ""
        rows.append((step.stage, state, finished, took, step.reasons[0] if step.reasons else ""))
    return columns(rows)


def why(step: Step) -> str:
    """Why a stage would run, a reason a line."""
    if not step.reasons:
        finished = step.marker.finished_utc if step.marker else ""
        return f"{step.stage} is done since {finished}: nothing that goes in has changed, and its products are there"
    return "\n".join([f"{step.stage} would run:", *(f"  {reason}" for reason in step.reasons)])


def plan(steps: Sequence[Step]) -> str:
    """Every argument list that would run, as a person could type it; NEW stands for the attempt's folder."""
    lines = []
    for step in steps:
        if not step.reasons:
            continue
        lines.append(f"# {step.stage}: {'; '.join(step.reasons)}")
        lines += [shlex.join(argv) for argv in step.argv] or ["# (done by the harness itself; no engine is asked)"]
    return "\n".join(lines) or "# nothing to do: every stage is done"


def config(settings: Settings) -> str:
    """Every variable, its value, and where that came from."""
    values = {variable.name: getattr(settings, variable.field) for variable in VARIABLES}
    rows = [(name, str(getattr(value, "name", value)), settings.origins[name]) for name, value in values.items()]
    return columns([("variable", "value", "from"), *rows])


def closing(endings: Sequence[Ending], settings: Settings) -> str:
    """How a run ended: a row for each stage, what was measured, and what to do next."""
    failed = [ending for ending in endings if ending.outcome == "failed"]
    if not failed and all(ending.outcome == "kept" for ending in endings):
        text = "nothing to do: " + ", ".join(ending.stage for ending in endings) + " are done"
    else:
        words = {"done": "done", "kept": "was done", "failed": "FAILED", "not reached": "not reached"}
        rows = [("stage", "this run", "took", "products")]
        for ending in endings:
            marker = ending.marker if ending.outcome == "done" else None
            took = duration(marker.duration_s) if marker else ""
            rows.append((ending.stage, words[ending.outcome], took, _named(marker.products) if marker else ""))
        text = columns(rows)
    if failed:
        return "\n\n".join([text, *(failure(ending) for ending in failed)])
    reached = {ending.stage for ending in endings}
    scores = measured(settings) if "eval" in reached else ""
    return "\n".join(filter(None, [text, scores, _next_step(endings, settings)]))


def _named(products: Sequence[Product]) -> str:
    more = f" and {len(products) - SHOWN_PRODUCTS} more" if len(products) > SHOWN_PRODUCTS else ""
    return ", ".join(product.path for product in products[:SHOWN_PRODUCTS]) + more


def failure(ending: Ending) -> str:
    """The last lines of a failed stage's log, and where the rest is."""
    if ending.log is None or not ending.log.exists():
        return f"{ending.stage} left no log"
    return "\n".join([f"last lines of {ending.log}:", *(f"  {line}" for line in last_lines(ending.log))])


def measured(settings: Settings) -> str:
    """Average precision on the test frames, next to what the recipe expects."""
    path = settings.workspace / METRICS["test"]
    if not path.exists():
        return ""
    table: Mapping[str, Any] = json.loads(path.read_text())
    expected = settings.recipe.expected
    parts = []
    for name, value in [("mAP", table["mAP"]), *table["AP"].items()]:
        wanted = f" (expected {expected[name]:.2f} or more)" if name in expected else ""
        parts.append(f"{name} {value:.3f}{wanted}" if value is not None else f"{name} not in these frames")
    return f"AP at IoU {table['iou_threshold']} on {table['images']} test frames: " + ", ".join(parts)


def _next_step(endings: Sequence[Ending], settings: Settings) -> str:
    last = STAGES.index(endings[-1].stage)
    if last + 1 < len(STAGES):
        return f"next: {settings.command(STAGES[last + 1])}"
    pictures: Path = settings.workspace / "experiment" / "visualisations" / "images_annotated"
    return f"next: look at the pictures in {pictures}"
