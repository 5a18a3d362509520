"""Who is in which split, on disk: split.json, and folders of hard links into the frames."""

import json
from collections.abc import Sequence
from pathlib import Path

from harness.data.split import Split
from harness.errors import DataError
from harness.files import link_or_copy, write_json

SUFFIXES = {"images": ".jpg", "labels": ".txt", "labels_raw": ".txt"}


def write_split(path: Path, split: Split, *, seed: int) -> None:
    """Write who is train (validation still among them) and who is test, and what else the split says."""
    table = {"seed": seed, "train": list(split.train), "test": list(split.test)}
    more = {"validation": list(split.validation), "groups": dict(split.groups)}
    write_json(path, {**table, **{key: value for key, value in more.items() if value}})


def read_split(path: Path) -> Split:
    """What `write_split` wrote.

    Raises:
        DataError: somebody changed it to what is no split, or names files elsewhere.
    """
    remedy = f"remove {path.parent}, then: jamcam download"
    try:
        table = json.loads(path.read_text())
        split = Split(
            train=tuple(table["train"]),
            test=tuple(table["test"]),
            validation=tuple(table.get("validation", ())),
            groups=table.get("groups", {}),
        )
        odd = [stem for stem in split.train + split.test if Path(stem).name != stem]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no split: {error!r}", remedy=remedy) from error
    if odd:
        raise DataError(f"{path} names {odd[0]!r}, which is no name of a frame", remedy=remedy)
    return split


def link_view(source: Path, target: Path, stems: Sequence[str]) -> None:
    """Make the folder `target` of links to the files of `stems` in `source`; both have the content's name."""
    suffix = SUFFIXES[source.name]
    target.mkdir(parents=True)
    for stem in stems:
        link_or_copy(source / f"{stem}{suffix}", target / f"{stem}{suffix}")
