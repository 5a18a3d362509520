"""Moves a part of a training set into a validation set like the workflow's script of this name, repeatably.

    python3 harness/generate_val_dataset.py --input_image_dir … --input_label_dir … --output_dir …
    [--val_split 10]

Works by path, without an installed package, or as `-m harness.generate_val_dataset`; needs nothing but
Python. Which pairs move depends on their names alone. They are written down in
`<output_dir>/val_split.json` before the first one moves, so that the next run finishes what an
interrupted one began. Stages have no use for it: `gen-valid` builds its folders of links from every frame
anew.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run by path: Python then looks for packages in this file's folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.data.frames import LABELS, PICTURES, pair
from harness.data.split import choose_validation
from harness.errors import DataError, HarnessError
from harness.files import fsync_folder, read_json, write_json
from harness.text import listing, tell

SEED = 42
JOURNAL = "val_split.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run with command-line arguments; returns the exit status."""
    options = _options(argv)
    try:
        tell(
            split(
                options.input_image_dir,
                options.input_label_dir,
                options.output_dir,
                val_split=options.val_split,
            )
        )
    except HarnessError as error:
        tell(f"generate_val_dataset: {error.message}\n  try: {error.remedy}", stream=sys.stderr)
        return error.exit_status
    except OSError as error:
        tell(f"generate_val_dataset: {error.strerror}: {error.filename}", stream=sys.stderr)
        tell("  try: make room or access, then the same command", stream=sys.stderr)
        return 1
    return 0


def split(image_dir: Path, label_dir: Path, output_dir: Path, *, val_split: int) -> str:
    """Move `val_split` percent of the pairs to `<output_dir>/images` and `/labels`; says what was done.

    Raises:
        DataError: pictures and labels that are not pairs, too few of them, or files in the way.
    """
    journal = output_dir / JOURNAL
    plan = read_json(journal)
    asked = {
        "input_image_dir": str(image_dir.resolve()),
        "input_label_dir": str(label_dir.resolve()),
        "val_split": val_split,
    }
    if plan:
        _check_same(plan, asked, journal)
    if plan.get("finished"):
        return f"nothing to do: {journal} says that {len(plan['images'])} pairs were moved to {output_dir}"
    done = "finished an interrupted split" if plan else "done"
    if not plan:
        plan = {**asked, **_choose(image_dir, label_dir, output_dir, val_split), "finished": False}
        write_json(journal, plan)
    for content, source in (("images", image_dir), ("labels", label_dir)):
        _move(plan[content], source, output_dir / content)
    write_json(journal, {**plan, "finished": True})
    return f"{done}: {len(plan['images'])} pairs moved to {output_dir}"


def _check_same(plan: dict[str, Any], asked: dict[str, Any], journal: Path) -> None:
    """Refuse to go on with the split of other folders, or of another share."""
    if {name: plan.get(name) for name in asked} == asked:
        return
    told, wanted = (
        f"{each['val_split']} % of {each['input_image_dir']} and {each['input_label_dir']}"
        for each in (plan, asked)
    )
    finish = "finish that split first, with its own folders and --val_split"
    raise DataError(
        f"{journal} tells of {told}, asked for are {wanted}",
        remedy="give another --output_dir" if plan.get("finished") else finish,
    )


def _choose(image_dir: Path, label_dir: Path, output_dir: Path, val_split: int) -> dict[str, list[str]]:
    """File names of the pairs that become validation, sorted; a picture and its label have the same place."""
    for target in (output_dir / "images", output_dir / "labels"):
        if target.is_dir() and any(target.iterdir()):
            raise DataError(
                f"{target} holds files already, and no {JOURNAL} beside it tells of them",
                remedy="give an empty --output_dir; "
                "in a workspace of the harness: make gen-valid VAL_SPLIT=…",
            )
    paired, alone = pair([*_names(image_dir, PICTURES), *_names(label_dir, {LABELS})])
    if alone:
        raise DataError(
            f"{len(alone)} file(s) without partner in {image_dir} and {label_dir}:{listing(alone)}",
            remedy="complete or remove them",
        )
    chosen = [paired[stem] for stem in choose_validation(paired, val_split_pct=val_split, seed=SEED)]
    return {"images": [picture for picture, _ in chosen], "labels": [label for _, label in chosen]}


def _names(folder: Path, endings: frozenset[str] | set[str]) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"no folder at {folder}", remedy="correct the path")
    return [path.name for path in folder.iterdir() if path.suffix.lower() in endings]


def _move(names: Sequence[str], source: Path, target: Path) -> None:
    """Move files from folder to folder; what an interrupted run had moved already is left alone."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).exists():
            shutil.move(source / name, target / name)
        elif not (target / name).exists():
            raise DataError(
                f"neither {source / name} nor {target / name} is there, one was expected",
                remedy="bring the file back",
            )
    for folder in (source, target):
        fsync_folder(folder)


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
