"""The verb predict: a trained model on pictures and videos of one's own, and counts of what it finds."""

import argparse
import dataclasses
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import CannotTell, ConfigError, HarnessError
from harness.files import write_bytes
from harness.settings.recipe import LAST
from harness.settings.variables import Settings
from harness.text import columns, number, tell
from harness.verbs.verb import Option, Verb
from harness.workspace.layout import Workspace
from harness.workspace.marker import read_ingredients

if TYPE_CHECKING:
    from harness.engine.request import Engine, Request

TITLE = "using a model"
ON = Option(name="on", help="the pictures, folders and videos that `predict` looks at; several with commas")
FLAGS = (
    Option(name="every", help="of videos, `predict` looks at every so many frames; 5 unless given"),
    Option(name="threshold", help="lowest score that `predict` counts, between 0 and 1; 0.3 unless given"),
    Option(
        name="skip_damaged", help="`predict` ends when it cannot read more than so many; unless given, never"
    ),
)
OPTIONS = (
    ON,
    Option(name="model", help="a .pt, .hdf5 or .onnx for `predict`, in place of the workspace's"),
    Option(name="spec", help="the experiment spec that MODEL was trained with"),
    Option(name="out", help="folder for what `predict` writes; workspace/predictions/NAME unless given"),
    *FLAGS,
)
PLOT = "counts"


def _predict(settings: Settings, options: argparse.Namespace) -> int:
    from harness.engine.prediction import find_model, own_names, predict_request

    inputs = _inputs(options, settings)
    workspace = Workspace(settings.workspace)
    trained = find_model(
        workspace,
        options.model or "",
        options.spec or "",
        checkpoint=_checkpoint(settings, workspace),
        train=settings.command("train"),
    )
    engine, settings = _engine(settings)
    out = Path(options.out).expanduser().absolute() if options.out else _default_out(workspace, inputs)
    flags = [f"--{each.name}={value}" for each in FLAGS if (value := getattr(options, each.name)) is not None]
    tell(f"predict: {trained.model}; results go to {out}")
    with tempfile.TemporaryDirectory() as folder:
        if names := own_names(workspace, trained.model):
            path = Path(folder, "names.json")
            path.write_text(json.dumps(names))
            flags.append(f"--class_names={path}")
        status = _ask(engine, predict_request(trained, inputs, out, flags), settings)
    return _close(out, status)


def _inputs(options: argparse.Namespace, settings: Settings) -> list[Path]:
    """What was given: words after the verb, and ON, which is one path where there is such a one."""
    words = list(options.inputs or [])
    if options.on:
        is_one = Path(options.on).expanduser().exists()
        words += [options.on] if is_one else [word.strip() for word in options.on.split(",")]
    if not words:
        example = "make predict ON=street" if settings.via_make else "jamcam predict street"
        raise ConfigError("no picture, folder or video was given", remedy=f"{example}, a folder or a video")
    return [Path(word).expanduser().absolute() for word in words]


def _checkpoint(settings: Settings, workspace: Workspace) -> str:
    """Last or best: what was given, else what the stages of the workspace took, of which eval comes first."""
    from harness.engine.answers import TAKING, checkpoints_taken

    if "checkpoint" in settings.overrides:
        return settings.checkpoint
    taken = checkpoints_taken({one: read_ingredients(workspace, one).get("inputs") for one in TAKING})
    return next(iter(taken), LAST)


def _engine(settings: Settings) -> "tuple[Engine, Settings]":
    """Our own engine as it runs here, and settings under which it is found: images do not see all folders."""
    from harness.engine.find import resolve

    here = dataclasses.replace(settings, image="")
    engine = resolve(here) if settings.engine != "tao" else None
    if engine is None or not engine.dialect.has_additions:
        raise ConfigError(
            "NVIDIA's yolo_v4 has no predict", remedy="ENGINE=portable reads its .hdf5 models, too"
        )
    if settings.engine == "portable" and importlib.util.find_spec("torch") is None:
        raise ConfigError(
            f"{sys.executable} has no torch, which predict needs",
            remedy="make predict, which installs what is needed; or pip install -e '.[detector,report]'",
        )
    return engine, here


def _default_out(workspace: Workspace, inputs: Sequence[Path]) -> Path:
    more = f"_and_{len(inputs) - 1}_more" if len(inputs) > 1 else ""
    return workspace.root / "predictions" / f"{inputs[0].resolve().name or 'root'}{more}"


def _ask(engine: "Engine", request: "Request", settings: Settings) -> int:
    from harness.engine.find import environment
    from harness.process.console import run

    return run(
        engine.argv(request),
        folder=Path.cwd(),
        log=Path(os.devnull),  # what it says is shown, and the results tell the rest
        prefix="predict | ",
        environment=environment(settings),
        started=lambda pid, birth: None,
    )


def _close(out: Path, status: int) -> int:
    """Draw the counts, and tell what was counted and where it lies."""
    from harness.engine.answers import claims_success
    from harness.engine.prediction import UNREAD_STATUS, read_counts, read_facts

    if status not in (0, UNREAD_STATUS):
        ending = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
        raise HarnessError(
            f"yolo_v4 predict {ending}",
            remedy="what its lines above say; then the same command again goes on",
        )
    facts = read_facts(out)
    if not facts or (status == 0 and claims_success(out, needed=True)):
        raise HarnessError(f"yolo_v4 predict left no result in {out}", remedy="the same command again")
    tell(counted(facts))
    plots = _plots(read_counts(out / "counts.csv"))
    for kind, content in plots.items():
        write_bytes(out / f"{PLOT}.{kind}", content)
    tell(_places(out, has_plot=bool(plots)))
    if unread := facts.get("unread"):
        raise CannotTell(
            f"{unread} pictures or videos could not be read: the counts are of the others",
            remedy=f"{out / 'unread.csv'} names them and says why; "
            "replace or remove them, then the same command again",
        )
    return 0


def counted(facts: dict[str, Any]) -> str:
    """What was counted, as a table by class."""
    frames = facts["frames"]
    rows = [("class", "objects", "pictures with it", "mean on a picture", "most on one")]
    rows += [
        (
            name,
            f"{boxes:,}",
            f"{facts['frames_with'][name]:,}",
            number(boxes / frames),
            str(facts["most"][name]),
        )
        for name, boxes in facts["boxes"].items()
        if boxes
    ]
    total = sum(facts["boxes"].values())
    head = f"{total:,} objects on {frames:,} pictures and frames, cameras: {facts['cameras']:,}"
    return "\n".join(
        [f"{head}; what stands on several of them counts on each", columns(rows) if total else ""]
    ).rstrip()


def _plots(cameras: "Sequence[Any]") -> dict[str, bytes]:
    # That of a notebook need not be installed here, and would stop the import of matplotlib; none is needed.
    os.environ["MPLBACKEND"] = "agg"
    try:
        from harness.report.counts import counts_plot
    except ImportError as error:
        tell(f"no plot: {error}; make predict installs what is needed, or pip install -e '.[report]'")
        return {}
    return counts_plot(cameras)


def _places(out: Path, *, has_plot: bool) -> str:
    rows = [
        ("counts", f"{out / 'counts.csv'}" + (f", drawn in {PLOT}.png and {PLOT}.svg" if has_plot else "")),
        ("detections", f"{out / 'detections.csv'} and detections.jsonl"),
        ("pictures with boxes", str(out / "annotated")),
        ("KITTI labels", str(out / "labels")),
    ]
    return columns(rows)


VERBS = (
    Verb(
        name="predict",
        help="count what a trained model finds on pictures and videos of yours",
        run=_predict,
        settings=("engine", "workspace", "checkpoint"),
        options=OPTIONS,
        positionals=(
            Option(name="inputs", help="pictures, folders with sub-folders, videos", takes_many=True),
        ),
    ),
)
