"""The files and output that an engine leaves: its status file, anchors, checkpoints and figures."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.engine.training_log import best_epoch
from harness.errors import CannotTell
from harness.settings.recipe import LAST
from harness.workspace.layout import STATUS
from harness.workspace.marker import Marker

Anchor = tuple[float, float]
PYTORCH = "PyTorch"
CHOOSING = ("eval", "vis")  # stages for which an engine chooses what computes the network
TAKING = ("eval", "vis", "export")  # stages that take a checkpoint, and say which unless it is the last


def read_status(results: Path) -> list[dict[str, Any]]:
    """Lines of `<results>/status.json`, oldest first; a line cut off by a kill is left out."""
    entries = []
    path = results / STATUS
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError, RecursionError):
            entries.append(json.loads(line))
    return [entry for entry in entries if isinstance(entry, dict)]


def claims_success(results: Path | None, *, needed: bool) -> str:
    """Why the status file does not say that the run succeeded; "" where it does.

    Args:
        results: folder of status.json; None where the engine was not asked for one.
        needed: a missing file counts as a failure (older TAO releases write none for some sub-commands).
    """
    if results is None:
        return ""
    entries = read_status(results)
    if not entries:
        return f"left no status.json in {results}" if needed else ""
    last = entries[-1]
    if last.get("status") == "SUCCESS":
        return ""
    return f"said {last.get('status')} at last: {last.get('message')}"


def read_numerics(results: Path | None) -> list[dict[str, Any]]:
    """The numerics classes that the engine computed in, oldest first: a resumed training may have several."""
    told = [entry.get("numerics") for entry in read_status(results)] if results else []
    return [each for place, each in enumerate(told) if isinstance(each, dict) and each not in told[:place]]


def read_numbers(results: Path | None) -> str:
    """Why the engine computed in its number format, in its words; "" where it does not tell."""
    told = [entry.get("computing") for entry in read_status(results)] if results else []
    words = [each.get("numbers") for each in told if isinstance(each, dict)]
    return next((each for each in reversed(words) if isinstance(each, str)), "")


def with_runtime(told: Mapping[str, Any]) -> dict[str, Any]:
    """A numerics class, or facts of a record, with `runtime`: what computed.

    An engine of ours that tells its PyTorch and not the runtime is of a version that knew no other one.
    """
    return {"runtime": PYTORCH, **told} if told.get("torch") else {**told}


def runtimes(markers: Mapping[str, Marker]) -> str | None:
    """What computed in the stages that choose it, in order: `onnxruntime, then PyTorch`; None: not known."""
    classes = [each for stage in CHOOSING if stage in markers for each in markers[stage].numerics]
    names = (with_runtime(each).get("runtime") for each in classes)
    return ", then ".join(dict.fromkeys(str(name) for name in names if name)) or None


def checkpoints_taken(inputs: Mapping[str, Any]) -> list[str]:
    """Which checkpoint each of TAKING took, last or best, by what went into it: stage -> inputs."""
    return [str(own.get("checkpoint", LAST)) for one in TAKING if isinstance(own := inputs.get(one), Mapping)]


def checkpoints(weights: Path) -> list[tuple[int, Path]]:
    """(epoch, file) of each checkpoint in a folder, by epoch; `yolov4_resnet18_epoch_080.pt` is epoch 80."""
    pairs = []
    for path in weights.iterdir() if weights.is_dir() else ():
        match = re.fullmatch(r"yolov4_.+_epoch_(\d+)", path.stem)
        if match and not path.name.startswith("."):
            pairs.append((int(match[1]), path))
    return sorted(pairs)


def whole_checkpoints(results: Path) -> list[tuple[int, Path]]:
    """The checkpoints of a training run that are known to be complete.

    An engine writes the line with `epoch` and `max_epoch` into status.json after it saved that epoch's
    checkpoint; a later file may be half-written.
    """
    told = [entry.get("epoch") for entry in read_status(results) if "max_epoch" in entry]
    last = max((epoch for epoch in told if isinstance(epoch, int)), default=0)
    return [
        (epoch, path)
        for epoch, path in checkpoints(results / "weights")
        if epoch <= last and path.stat().st_size
    ]


class Best(NamedTuple):
    """The checkpoint that found most on the validation frames."""

    epoch: int
    mean_average_precision: float  # as the engine tells it, a fraction
    path: Path


def best_checkpoint(results: Path) -> Best | None:
    """The best of the checkpoints in `<results>/weights`, by the training log in `results`.

    None where there is none, or where the log does not tell which: see `best_epoch`.
    """
    saved = checkpoints(results / "weights")
    match = re.fullmatch(r"yolov4_(.+)_epoch_\d+", saved[-1][1].stem) if saved else None
    log = results / f"yolov4_training_log_{match[1]}.csv" if match else None
    if log is None or not log.is_file():
        return None
    best = best_epoch(log.read_text(errors="replace"), dict(saved))
    return Best(*best, dict(saved)[best[0]]) if best else None


def require_best(results: Path) -> Best:
    """The best checkpoint.

    Raises:
        CannotTell: nothing tells which that is.
    """
    if best := best_checkpoint(results):
        return best
    raise CannotTell(
        f"which checkpoint is the best is not known: the training log in {results} tells the mAP of none, "
        "or lacks an epoch whose checkpoint was saved",
        remedy="take the last one, CHECKPOINT=last",
    )


def read_anchors(results: Path | None, console: Path) -> list[Anchor]:
    """Anchors (width, height in pixels) of kmeans: from its status file, else from what it printed."""
    kpi = _last_kpi(results)
    text = str(kpi) if kpi else console.read_text().rpartition("Please use following anchor sizes")[2]
    return [(float(width), float(height)) for width, height in re.findall(r"\(([\d.]+), ?([\d.]+)\)", text)]


def read_scores(results: Path | None, console: str) -> dict[str, Any]:
    """What evaluate measured: the last kpi of its status file, else `{"mAP", "AP"}` of its printed table.

    Fractions; classes as the engine names them. Empty where neither is there.
    """
    kpi = _last_kpi(results)
    if "AP" in kpi:
        return kpi
    # Names of 14 characters or more run into the word AP.
    rows = dict(re.findall(r"^(\S+?)\s*AP\s+([\d.]+|nan)\s*$", console, flags=re.MULTILINE))
    total = re.findall(r"^\s*mAP\s+([\d.]+|nan)\s*$", console, flags=re.MULTILINE)
    if not rows or not total:
        return {}
    return {
        "mAP": float(total[-1]),
        "AP": {name: float(value) for name, value in rows.items() if name != "m"},
    }


def _last_kpi(results: Path | None) -> dict[str, Any]:
    kpis: list[dict[str, Any]] = (
        [entry["kpi"] for entry in read_status(results) if "kpi" in entry] if results else []
    )
    return kpis[-1] if kpis else {}


def metrics(
    scores: Mapping[str, Any], *, split: str, images: int, iou_threshold: float, boxes: Mapping[str, int]
) -> dict[str, Any]:
    """The content of metrics.json; fractions 0..1.

    `mAP` is the mean over classes with ground truth, `mAP_tao` as NVIDIA prints it (classes without count 0),
    and the AP of a class without ground truth is null.
    """
    measured = scores["AP"]
    average = {name: measured.get(name) if count else None for name, count in boxes.items()}
    present = [value or 0.0 for name, value in average.items() if boxes[name]]
    return {
        "split": split,
        "images": images,
        "iou_threshold": iou_threshold,
        "mAP": sum(present) / len(present) if present else None,
        "mAP_tao": scores["mAP"],
        "AP": average,
        "boxes": dict(boxes),
    }
