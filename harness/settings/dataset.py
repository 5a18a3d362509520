"""A data set: where its archive comes from, what must be in it, and who is test."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from harness.errors import ConfigError
from harness.settings.address import check_address, is_local
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
    """How the test frames are chosen: by one of `test_frames`, `test_pct`, `test_groups`, `test_subsets`.

    0 and empty mean not given. With `group = "folder"` whole folders of the archive are test, validation or
    training, so that frames a second apart stay together. Subsets are those of the annotator: `valid` is the
    folder obj_valid_data.
    """

    seed: int = 42
    test_frames: int = 0
    test_pct: int = 0
    group: str = "frame"  # or "folder"
    test_groups: tuple[str, ...] = ()
    test_subsets: tuple[str, ...] = ()
    val_subsets: tuple[str, ...] = ()  # which become validation; empty: VAL_SPLIT percent are drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """What `specs/datasets/<name>.toml` says. The archive is a CVAT export in the format "YOLO 1.1"."""

    name: str
    title: str
    archive: str  # its file name in the workspace
    classes: tuple[str, ...]  # in the order of obj.names
    width_px: int = 0  # of every picture; 0: pictures may have any size
    height_px: int = 0
    make: Making = field(default_factory=Making)
    split: SplitRule = field(default_factory=SplitRule)  # of a made archive: its test_frames, unless given
    address: str = ""  # "" where the archive is made
    sha256: str = ""  # "" only for a local or made archive
    licence: str = ""
    unpaired: str = "refuse"  # a picture without label or the reverse: refuse or skip
    skip_damaged: int = 0  # leave out so many frames at most whose pictures cannot be decoded

    @property
    def written_classes(self) -> tuple[str, ...]:
        """The classes as labels and specs have them: no column of a label may have a blank or an accent."""
        if all(map(_is_plain, self.classes)):
            return self.classes
        written: list[str] = []
        for place, name in enumerate(self.classes):
            taken = {other.lower() for other in (*written, *self.classes[place + 1 :])}
            plain = name if _is_plain(name) else _plain(name)
            written.append(plain if plain and plain.lower() not in taken else f"class_{place}")
        return tuple(written)

    @property
    def own_names(self) -> dict[str, str]:
        """Names of classes as the engine tells them, in lower case, and the user's own where they differ."""
        pairs = zip(self.written_classes, self.classes, strict=True)
        return {written.lower(): own for written, own in pairs if written != own}

    @property
    def sought(self) -> str:
        """Where a person corrects the archive."""
        return str(local_path(self.address)) if is_local(self.address) else f"{self.archive} at its source"


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
    known = ("test_frames", "test_pct", "test_groups", "test_subsets")
    rules = [name for name in known if getattr(split, name)]
    both = sorted({*split.test_subsets} & {*split.val_subsets})
    found_expected = {
        "classes": (
            dataset.classes,
            _are_names(dataset.classes),
            "one or more different names",
        ),
        "width_px": (dataset.width_px, dataset.width_px >= 0, "1 or more, or no line"),
        "height_px": (dataset.height_px, dataset.height_px >= 0, "1 or more, or no line"),
        "skip_damaged": (dataset.skip_damaged, dataset.skip_damaged >= 0, "0 or more"),
        "archive": (dataset.archive, _is_file_name(dataset.archive), "a plain file name"),
        "unpaired": (dataset.unpaired, dataset.unpaired in ("refuse", "skip"), "refuse or skip"),
        "split": (rules, len(rules) == 1, f"exactly one of {', '.join(known)}"),
        "split.val_subsets": (both, not both, "no subset that test_subsets names, too"),
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
    return all(classes) and 0 < len({" ".join(name.split()) for name in classes}) == len(classes)


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[!-~]+", name) is not None and not {*name} & {*"\"'\\"}


def _plain(name: str) -> str:
    import unicodedata  # only such names need it

    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = sum(char.isalnum() for char in name)
    # `차 2` must not become `2`.
    if sum(char.isalnum() for char in bare) < letters:
        return ""
    return re.sub(r"[^\w.+-]+", "_", bare).strip("_")


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
