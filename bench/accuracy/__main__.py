#!/usr/bin/env python3
"""What makes the detector more accurate: variants of one spec, trained on as many frames, judged alike.

    python bench/accuracy run --archives A.zip B.zip --work DIR --variants base,finer [--seeds 42]
        [--passes 2] [--test]
    python bench/accuracy judge -e SPEC (-m MODEL | -p LABELS) [--by-camera]
    python bench/accuracy peer --work DIR --name NAME [--test]
    python bench/accuracy table

`run` unpacks the archives below DIR, divides them by camera and day (see splits.py), trains each variant of
variants.toml, and appends a row for each split to results/accuracy/rows.jsonl. What was finished is not done
again, and a run that was killed goes on at its last epoch. Variants are chosen by the splits `choice-*`; with
--test they are judged on `test-*`, which is for what was chosen, once.
`peer` appends rows for the label files that peer.py left.
`judge` tells the average precision of any model, or of KITTI label files with scores of any detector.
"""

import argparse
import os
import re
import subprocess
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import rows
from judging import judge_frames
from judging import table as score_table
from runs import Run, code_here, variants
from splits import HELD_OUT, NAMES, TRAIN, drawn_by_camera, frame_counts, prepare

from harness.errors import HarnessError
from yolo_v4.errors import DetectorError

FEW = 20  # objects in a split; a class with fewer is no part of its mean


def run(args: argparse.Namespace) -> None:
    """Train and judge."""
    unknown = set(args.variants) - set(variants())
    if unknown:
        raise SystemExit(f"no variant {', '.join(sorted(unknown))}; known are {', '.join(variants())}")
    counts = prepare(args.archives, args.work / "data")
    print(", ".join(f"{split} {count}" for split, count in counts.items()), flush=True)
    failed: list[str] = []
    for seed in args.seeds:
        for variant in args.variants:
            one = Run(variant=variant, seed=seed, passes=args.passes, data=args.work / "data", work=args.work)
            try:
                model = one.train()
            except subprocess.CalledProcessError as error:
                failed.append(f"{variant}, seed {seed}: {error}")
                continue
            for split in _asked_splits(args):
                _judge_run(one, split, frames_seen=counts[TRAIN] * args.passes, model=model)
    print(rows.table(rows.read()))
    if failed:
        raise SystemExit("\n".join(failed))


def _judge_run(
    one: Run, split: str, *, frames_seen: int, model: Path | None, labels: Path | None = None
) -> None:
    """Append a row, unless there was one before; `frames_seen` in training."""
    judged = one.folder / f"{split}.judged"
    if judged.exists():
        return
    spec = one.spec(split)
    scores = judge_frames(spec, model=model, labels=labels, by_camera=drawn_by_camera(split), few=FEW)
    row = {
        "variant": one.variant,
        "seed": one.seed,
        "passes": one.passes,
        "frames_seen": frames_seen,
        "split": split,
        "scores": rows.described(scores),
        "draws": rows.mean_draws(scores),
        **(_training(one, frames_seen) if model else {}),
        **(one.code if model else code_here()),
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
    }
    rows.append(row)
    judged.touch()
    print(f"{one.variant}, seed {one.seed}, {split}", score_table(scores), sep="\n", flush=True)


def _training(one: Run, frames_seen: int) -> rows.Row:
    """What a training took, and what decides its last digits."""
    return {
        "train_minutes": round(one.epochs_s / 60, 1),
        "train_images_per_s": round(frames_seen / one.epochs_s, 2),
        "niceness": os.nice(0),  # above 0: the machine did other things meanwhile
        **one.numerics,
    }


def peer(args: argparse.Namespace) -> None:
    """Judge the label files that peer.py left."""
    named = re.fullmatch(r"(.+)-seed(\d+)-passes(\d+)", args.name)
    if named is None:
        raise SystemExit(f"{args.name} is no name of peer.py, such as yolov8s-seed42-passes8")
    data, found = args.work / "data", args.work / "peers" / args.name / "found"
    if not found.is_dir():
        raise SystemExit(
            f"{found} is not there: peer.py --work {args.work} leaves it, once `run` unpacked the frames"
        )
    one = Run(variant=named[1], seed=int(named[2]), passes=int(named[3]), data=data, work=args.work)
    frames_seen = frame_counts(data)[TRAIN] * one.passes
    for split in _asked_splits(args):
        _judge_run(one, split, frames_seen=frames_seen, model=None, labels=found / split)
    print(rows.table(rows.read()))


def _asked_splits(args: argparse.Namespace) -> list[str]:
    return [split for split in HELD_OUT if split.startswith("test-") == args.test]


def judge(args: argparse.Namespace) -> None:
    """Print the scores of a model or of label files."""
    scores = judge_frames(
        args.experiment_spec,
        model=args.model_path,
        labels=args.predictions,
        by_camera=args.by_camera,
        resamples=args.resamples,
    )
    print(score_table(scores))


def _archive(text: str) -> Path:
    path = Path(text)
    if not zipfile.is_zipfile(path):
        raise argparse.ArgumentTypeError(f"{path} is no zip archive, or is not there")
    with zipfile.ZipFile(path) as opened:
        if NAMES not in opened.namelist():
            raise argparse.ArgumentTypeError(f'{path} has no {NAMES}: export it from CVAT as "YOLO 1.1"')
    return path


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = parser.add_subparsers(required=True)
    trains = words.add_parser("run")
    trains.add_argument("--archives", nargs="+", type=_archive, required=True)
    trains.add_argument("--work", type=lambda text: Path(text).absolute(), required=True)
    trains.add_argument("--variants", type=lambda text: text.split(","), required=True)
    trains.add_argument("--seeds", type=lambda text: [int(word) for word in text.split(",")], default=[42])
    trains.add_argument("--passes", type=_count, default=2)
    trains.add_argument("--test", action="store_true")
    trains.set_defaults(act=run)
    peers = words.add_parser("peer")
    peers.add_argument("--work", type=lambda text: Path(text).absolute(), required=True)
    peers.add_argument("--name", required=True)
    peers.add_argument("--test", action="store_true")
    peers.set_defaults(act=peer)
    judges = words.add_parser("judge")
    what = judges.add_mutually_exclusive_group(required=True)
    what.add_argument("-m", "--model_path", type=Path)
    what.add_argument("-p", "--predictions", type=Path)
    judges.add_argument("-e", "--experiment_spec", type=Path, required=True)
    judges.add_argument("--by-camera", action="store_true")
    judges.add_argument("--resamples", type=_count, default=1000)
    judges.set_defaults(act=judge)
    words.add_parser("table").set_defaults(act=lambda _: print(rows.table(rows.read())))
    args = parser.parse_args()
    try:
        args.act(args)
    except (DetectorError, HarnessError) as error:
        raise SystemExit(f"error: {error.message}\n  try: {error.remedy}") from None


if __name__ == "__main__":
    main()
