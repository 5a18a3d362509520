"""`yolo_v4 predict`: what stands on pictures and in videos, and how much of it when; TAO has no such command.

Pictures are placed as in `evaluate`, so that the average precision it tells is that of these results.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import torch

from yolo_v4.deploy.description import file_digest, spec_digest
from yolo_v4.errors import DataError, DetectorError, Incomplete
from yolo_v4.network.device import choose_device
from yolo_v4.prediction.detector import Model, detector, load_model
from yolo_v4.prediction.inputs import Listing, list_items, named_sources, told
from yolo_v4.prediction.results import Entry, Results, claim, noted_settings
from yolo_v4.prediction.round import Round
from yolo_v4.prediction.runtime import ONNXRUNTIME, choose_runtime, in_words
from yolo_v4.prediction.tables import UNREAD, Totals, write_tables, write_unread
from yolo_v4.prediction.video import require_pyav, told_frames
from yolo_v4.prediction.work import Worker
from yolo_v4.status import StatusLog, reported, status_path

FORMAT = 1  # of what a folder of results holds
MOST_NAMED = 10  # pictures in a message


def run(args: argparse.Namespace) -> None:
    """Look at everything that was given and write what was found into the results folder.

    Raises:
        DetectorError: flags, model, spec or folders are refused, or more could not be read than allowed.
        Incomplete: something could not be read; all else is done.
    """
    _check_flags(args)
    sources = named_sources(args.inputs)
    folder = claim(Path(args.results_dir), sources)
    log = StatusLog(status_path(str(folder)))
    with reported(log, started="Starting YOLOv4 predict.", failed="Predict was interrupted."):
        listing = list_items(sources)
        if video := next((item for item in listing.items if item.is_video), None):
            require_pyav(video.path)
        _tell_start(listing, sources, args)
        model = load_model(
            Path(args.model_path),
            args.experiment_spec,
            keras_padding=args.keras_padding,
            threshold=args.threshold,
        )
        names = _shown_names(args.class_names, model.classes)
        device = choose_device(args.gpu_index)
        frames = {item.name: told_frames(item.path, args.every) for item in listing.items if item.is_video}
        expected = len(listing.items) - len(frames) + sum(frames.values())
        runtime = _runtime(args, model, expected, device)
        with Results(folder, _settings(args, model, names, sources, runtime)) as results:
            round_ = Round(results, listing.items, every=args.every, most_unread=args.skip_damaged)
            unread = round_.run(lambda: _worker(args, folder, model, runtime, device))
            totals = write_tables(results, listing.items, names)
            write_unread(
                folder, {item.name: unread[item.name] for item in listing.items if item.name in unread}
            )
        facts = {**totals.told(), "unread": len(unread), "looked_at": round_.looked_at}
        log.write("RUNNING", "Results written.", kpi=facts)
        _tell_end(totals, listing, sources)
        if unread:
            raise _incomplete(unread, folder)
        log.write("SUCCESS", "Predict finished successfully.")


def _check_flags(args: argparse.Namespace) -> None:
    if not 0 < args.threshold < 1:
        raise DetectorError(
            f"--threshold is {args.threshold}, expected a number between 0 and 1", remedy="-t 0.3"
        )
    if args.every < 1:
        raise DetectorError(f"--every is {args.every}, expected 1 or more", remedy="--every 5")
    if args.skip_damaged is not None and args.skip_damaged < 0:
        raise DetectorError(
            f"--skip_damaged is {args.skip_damaged}, expected 0 or more", remedy="leave it out, or give 0"
        )


def _tell_start(listing: Listing, sources: dict[str, Path], args: argparse.Namespace) -> None:
    videos = sum(item.is_video for item in listing.items)
    words = f"pictures: {len(listing.items) - videos}, videos: {videos}"
    if videos and args.every > 1:
        words += f", of which one frame in {args.every} is looked at"
    print(words + (f"; left out: {told(listing.left_out)}" if listing.left_out else ""), flush=True)
    if twice := len(args.inputs) - len(sources):
        print(f"note: given more than once, and looked at once: {twice}", flush=True)


def _runtime(args: argparse.Namespace, model: Model, expected: int, device: torch.device) -> str:
    """What computes: for an .onnx, and where results were begun, that is decided already."""
    if model.network is None:
        if args.runtime == "pytorch":
            raise DetectorError(
                f"{args.model_path} is computed by {ONNXRUNTIME} alone, and --runtime pytorch was asked for",
                remedy="leave --runtime out, or give the model that it was made of",
            )
        return ONNXRUNTIME
    noted = noted_settings(Path(args.results_dir)).get("computed by")
    if noted and args.runtime == "auto":
        return str(noted)
    return choose_runtime(device, pictures=expected, asked_for=args.runtime)


def _settings(
    args: argparse.Namespace, model: Model, names: Sequence[str], sources: dict[str, Path], runtime: str
) -> Entry:
    """All that decides the results, in words that a message can quote."""
    return {
        "format": FORMAT,
        "sha256 of the model": file_digest(Path(args.model_path)),
        "sha256 of the spec": spec_digest(model.experiment) if model.experiment else None,
        "padding": args.keras_padding,
        "classes": list(names),
        "threshold": args.threshold,
        "every": args.every,
        "given": {name: str(path) for name, path in sources.items()},
        "computed by": runtime,
    }


def _shown_names(path: str | None, classes: Sequence[str]) -> list[str]:
    """The names of classes in tables.

    Raises DetectorError: the file is no table of names, or gives one name to two classes.
    """
    if path is None:
        return list(classes)
    try:
        table = json.loads(Path(path).read_bytes())
        names = [str(table.get(name, name)) for name in classes]
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise DetectorError(
            f"{path} is no JSON table of class names: {error}", remedy='{"name in the spec": "name to show"}'
        ) from error
    if len({*names}) < len(names):
        raise DetectorError(f"{path} gives one name to two classes", remedy="give each a name of its own")
    return names


def _worker(
    args: argparse.Namespace, folder: Path, model: Model, runtime: str, device: torch.device
) -> Callable[..., Entry | str]:
    print(f"computed by {in_words(runtime, device)}, scores of {args.threshold:g} or more", flush=True)
    if args.threshold < model.least_score:
        print(f"note: this model finds nothing below a score of {model.least_score:g}", flush=True)
    return Worker(
        folder=folder,
        find=detector(model, runtime, device),
        target=model.input,
        classes=model.classes,
        threshold=args.threshold,
    )


def _tell_end(totals: Totals, listing: Listing, sources: dict[str, Path]) -> None:
    if totals.turned:
        print(f"turned upright, as their files say: {totals.turned} pictures and frames")
    new = set()
    with suppress(DataError):  # everything may be gone meanwhile
        new = {item.path for item in list_items(sources).items} - {item.path for item in listing.items}
    if new:
        print(f"note: files that came meanwhile: {len(new)}; the same command again looks at them")
    print(f"objects: {sum(totals.boxes.values())}, on {totals.frames} pictures and frames", flush=True)


def _incomplete(unread: dict[str, str], folder: Path) -> Incomplete:
    shown = [
        reason.encode("unicode_escape").decode() if not reason.isprintable() else reason
        for reason in unread.values()
    ]
    more = [f"and {len(shown) - MOST_NAMED} more"] if len(shown) > MOST_NAMED else []
    return Incomplete(
        "\n  ".join([f"{len(unread)} pictures or videos could not be read:", *shown[:MOST_NAMED], *more]),
        remedy=f"replace or remove them ({folder / UNREAD} has them all), then the same command again; "
        "all others are done",
    )
