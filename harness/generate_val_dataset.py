"""Moves a part of a training set into a validation set like the workflow's script of this name, repeatably.

    python3 harness/generate_val_dataset.py --input_image_dir … --input_label_dir … --output_dir …
    [--val_split 10]

Works by path, without an installed package, or as `-m harness.generate_val_dataset`; needs nothing but
Python. Which pairs move depends on their names alone. They are written down in `<output_dir>/val_split.json`
before the first one moves, so that the next run finishes what an interrupted one began. Stages have no use
for it: `gen-valid` builds its folders of links from every frame anew.
"""

import argparse
import contextlib
import errno
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

if __package__ in (None, ""):  # run by path: Python then looks for packages in this file's folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.data.split import choose_validation
from harness.errors import DataError, HarnessError
from harness.files import fsync_folder, write_json
from harness.text import listing

SEED = 42
PICTURES = frozenset({".jpg", ".jpeg", ".png"})
JOURNAL = "val_split.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be moved from where; `finished` once all of it has been."""

    input_image_dir: str
    input_label_dir: str
    val_split: int  # percent
    images: list[str]  # file names, sorted; the label of each is in `labels` at the same place
    labels: list[str]
    finished: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run with command-line arguments; returns the exit status."""
    options = _options(argv)
    try:
        print(
            split(
                options.input_image_dir,
                options.input_label_dir,
                options.output_dir,
                val_split=options.val_split,
            )
        )
    except HarnessError as error:
        print(f"generate_val_dataset: {error.message}\n  try: {error.remedy}", file=sys.stderr)
        return error.exit_status
    except OSError as error:
        print(f"generate_val_dataset: {error.strerror}: {error.filename}", file=sys.stderr)
        print("  try: make room or access, then the same command", file=sys.stderr)
        return 1
    return 0


def split(image_dir: Path, label_dir: Path, output_dir: Path, *, val_split: int) -> str:
    """Move `val_split` percent of the pairs to `<output_dir>/images` and `/labels`; says what was done.

    Raises:
        DataError: pictures and labels that are not pairs, too few of them, or files in the way.
    """
    journal = output_dir / JOURNAL
    plan = _read(journal)
    asked = (str(image_dir.resolve()), str(label_dir.resolve()), val_split)
    if plan is not None and asked != (plan.input_image_dir, plan.input_label_dir, plan.val_split):
        raise DataError(
            f"{journal} tells of {plan.val_split} % of {plan.input_image_dir} and {plan.input_label_dir}, "
            f"asked for are {val_split} % of {asked[0]} and {asked[1]}",
            remedy="give another --output_dir"
            if plan.finished
            else "finish that split first, with its own folders and --val_split",
        )
    if plan is not None and plan.finished:
        return f"nothing to do: {journal} says that {len(plan.images)} pairs were moved to {output_dir}"
    resumed = plan is not None
    if plan is None:
        plan = _plan(image_dir, label_dir, output_dir, val_split)
        write_json(journal, asdict(plan))
    for name in plan.images:
        _move(Path(plan.input_image_dir, name), output_dir / "images" / name)
    for name in plan.labels:
        _move(Path(plan.input_label_dir, name), output_dir / "labels" / name)
    for folder in (output_dir / "images", output_dir / "labels", image_dir, label_dir):
        fsync_folder(folder)
    write_json(journal, asdict(replace(plan, finished=True)))
    outcome = "finished an interrupted split" if resumed else "done"
    return f"{outcome}: {len(plan.images)} pairs moved to {output_dir}"


def _plan(image_dir: Path, label_dir: Path, output_dir: Path, val_split: int) -> Plan:
    for content in ("images", "labels"):
        target = output_dir / content
        if target.is_dir() and any(target.iterdir()):
            raise DataError(
                f"{target} holds files already, and no {JOURNAL} beside it tells of them",
                remedy="give an empty --output_dir; "
                "in a workspace of the harness: make gen-valid VAL_SPLIT=…",
            )
    images, labels = _by_stem(image_dir, PICTURES), _by_stem(label_dir, {".txt"})
    alone = [f"{images[stem]} has no label in {label_dir}" for stem in sorted(images.keys() - labels.keys())]
    alone += [
        f"{labels[stem]} has no picture in {image_dir}" for stem in sorted(labels.keys() - images.keys())
    ]
    if alone:
        raise DataError(
            f"{len(alone)} file(s) without partner:{listing(alone)}", remedy="complete or remove them"
        )
    stems = choose_validation(images, val_split_pct=val_split, seed=SEED)
    return Plan(
        input_image_dir=str(image_dir.resolve()),
        input_label_dir=str(label_dir.resolve()),
        val_split=val_split,
        images=[images[stem] for stem in stems],
        labels=[labels[stem] for stem in stems],
        finished=False,
    )


def _by_stem(folder: Path, suffixes: frozenset[str] | set[str]) -> dict[str, str]:
    """File names by stem; only the last dot starts the extension: `00001.01234.jpg` is `00001.01234`."""
    if not folder.is_dir():
        raise DataError(f"no folder at {folder}", remedy="correct the path")
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in found:
            raise DataError(
                f"{found[path.stem]} and {path.name} in {folder} share a name", remedy="rename one of them"
            )
        found[path.stem] = path.name
    return found


def _move(source: Path, target: Path) -> None:
    """Move one file; what an interrupted run had moved already is left alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.exists():
        if not target.exists():
            raise DataError(
                f"neither {source} nor {target} is there, one was expected", remedy="bring the file back"
            )
        return
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        aside = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, aside)
        aside.replace(target)
        source.unlink()


def _read(journal: Path) -> Plan | None:
    with contextlib.suppress(FileNotFoundError):
        return Plan(**json.loads(journal.read_text()))
    return None


def _percent(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 100:
        return int(text)
    raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1 to 99")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="generate_val_dataset",
        description="Split a validation set off a training set: pairs of picture and label are moved.",
    )
    parser.add_argument(
        "--input_image_dir", type=Path, required=True, help="folder of the training set's pictures"
    )
    parser.add_argument(
        "--input_label_dir", type=Path, required=True, help="folder of the training set's labels"
    )
    parser.add_argument(
        "--output_dir", type=Path, required=True, help="folder of the validation set: images/, labels/"
    )
    parser.add_argument(
        "--val_split",
        type=_percent,
        default=10,
        metavar="PCT",
        help="percentage of the training set that becomes the validation set (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
