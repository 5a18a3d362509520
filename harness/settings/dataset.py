"""A data set: where its archive comes from, what must be in it, and who is test."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from harness.errors import ConfigError
from harness.settings.address import check_address
from harness.settings.declared import find_declared, read_toml
from harness.settings.table import from_table

GENERATORS = ("jamcam-like",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Making:
    """How an archive is made, not fetched; `generator` is one of GENERATORS, or "" for fetched archives."""

    generator: str = ""
    seed: int = 0
    train_frames: int = 0
    test_frames: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitRule:
    """How the test frames are chosen: `test_groups`, `test_frames` or `test_pct`; 0 and empty mean not given.

    With `group = "folder"` whole folders of the archive are test or not, so that frames a second apart stay
    together.
    """

    seed: int = 42
    test_frames: int = 0
    test_pct: int = 0
    group: str = "frame"  # or "folder"
    test_groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """What `specs/datasets/<name>.toml` says. The archive is a CVAT export in the format "YOLO 1.1"."""

    name: str
    title: str
    archive: str  # its file name in the workspace
    classes: tuple[str, ...]  # in the order of obj.names
    width_px: int
    height_px: int
    make: Making = field(default_factory=Making)
    split: SplitRule = field(default_factory=SplitRule)  # of a made archive: its test_frames, unless given
    address: str = ""  # "" where the archive is made
    sha256: str = ""  # "" only for a local or made archive
    licence: str = ""
    unpaired: str = "refuse"  # a picture without label or the reverse: refuse or skip


def read_dataset(table: Mapping[str, Any], *, where: str, resolve: Callable[[str], str]) -> Dataset:
    """The data set that `table`, the content of the file `where`, describes.

    Args:
        resolve: makes a relative `file:` address absolute.

    Raises:
        ConfigError: a key is unknown, missing or contradicts another; an address that could bring unknown
            bytes.
    """
    dataset = from_table(Dataset, table, where=where)
    if bool(dataset.address) == bool(dataset.make.generator):
        raise ConfigError(
            f"{where}: expected either address or [make] with a generator",
            remedy=f'add address and sha256, or [make] with generator = "{GENERATORS[0]}"',
        )
    if dataset.make.generator and "split" not in table:
        rule = SplitRule(seed=dataset.make.seed, test_frames=dataset.make.test_frames)
        dataset = dataclasses.replace(dataset, split=rule)
    for complaint in _complaints(dataset):
        raise ConfigError(f"{where}: {complaint}", remedy=f"correct the line in {where}")
    if not dataset.address:
        return dataset
    address = resolve(dataset.address)
    check_address(address, sha256=dataset.sha256, where=where)
    return dataclasses.replace(dataset, address=address)


def _complaints(dataset: Dataset) -> list[str]:
    split, make = dataset.split, dataset.make
    rules = [name for name in ("test_frames", "test_pct", "test_groups") if getattr(split, name)]
    found_expected = {
        "classes": (
            dataset.classes,
            _are_names(dataset.classes),
            "one or more different names without blanks",
        ),
        "width_px": (dataset.width_px, dataset.width_px > 0, "1 or more"),
        "height_px": (dataset.height_px, dataset.height_px > 0, "1 or more"),
        "archive": (dataset.archive, _is_file_name(dataset.archive), "a plain file name"),
        "unpaired": (dataset.unpaired, dataset.unpaired in ("refuse", "skip"), "refuse or skip"),
        "split": (rules, len(rules) == 1, "exactly one of test_frames, test_pct, test_groups"),
        "split.group": (split.group, split.group in ("frame", "folder"), "frame or folder"),
        "split.test_pct": (split.test_pct, 0 <= split.test_pct < 100, "1 to 99"),
        "split.test_frames": (split.test_frames, split.test_frames >= 0, "1 or more"),
        "make.generator": (make.generator, make.generator in ("", *GENERATORS), " or ".join(GENERATORS)),
    }
    return [
        f"{key} is {found!r}, expected {expected}"
        for key, (found, fine, expected) in found_expected.items()
        if not fine
    ]


def _are_names(classes: tuple[str, ...]) -> bool:
    fine = all(isinstance(name, str) and name.split() == [name] for name in classes)
    return fine and 0 < len(set(classes)) == len(classes)


def _is_file_name(name: str) -> bool:
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\ \"'")


def load_dataset(name_or_path: str) -> Dataset:
    """The data set of that name, or that the file at that path describes.

    A relative address (`file:frames.zip`) is meant from the file's folder.

    Raises:
        ConfigError: no such file, or one that cannot be right.
    """
    path = find_declared("datasets", name_or_path)

    def absolute(address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme != "file" or parts.netloc:
            return address
        return (path.parent / unquote(parts.path)).resolve().as_uri()

    return read_dataset({"name": path.stem, **read_toml(path)}, where=str(path), resolve=absolute)


def local_path(address: str) -> Path:
    """The file that a `file:` address names."""
    return Path(unquote(urlsplit(address).path))
