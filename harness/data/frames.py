"""Which members of an archive make a frame, and what the frame is called.

A frame is a picture and the label file of the same path. It is called as its file, without folder and
extension: `obj_train_data/day1/00001.01234.jpg` is `00001.01234`. Two rules keep names apart and safe:

- where several folders hold the same name, each of these frames is called `<folder>__<name>`
(`day1__00001.01234`),
  so that the name does not depend on the order in the archive;
- characters that shells or NVIDIA's tools trip over become `_`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.errors import DataError

PICTURES = frozenset({".jpg", ".jpeg"})
LABELS = ".txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A picture and its label, as paths in the archive, and the name they share from here on."""

    stem: str
    folder: str  # below obj_…_data, "" at its top
    picture: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """What was found: frames sorted by stem, and sentences on what has no partner."""

    frames: tuple[Frame, ...]
    unpaired: tuple[str, ...]


def pair_members(members: Iterable[str]) -> Pairing:
    """Pair pictures with labels among archive members below a folder `obj_…_data`.

    Raises:
        DataError: as `pair`, or two frames would get the same name.
    """
    paired, unpaired = pair(members)
    return Pairing(frames=_named(paired), unpaired=unpaired)


def pair(
    names: Iterable[str], *, picture_endings: frozenset[str] = PICTURES
) -> tuple[dict[str, tuple[str, str]], tuple[str, ...]]:
    """Pair pictures with labels whose paths are the same but for the extension, which the last dot starts.

    Returns:
        {path without extension: (picture, label)}, sorted, and sentences on what has no partner.

    Raises:
        DataError: two pictures or two labels for one path (`a.jpg`, `a.JPG`).
    """
    pictures: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in sorted(names):
        ending = PurePosixPath(name).suffix
        if ending.lower() in picture_endings:
            found, partner = pictures, "label"
        elif ending.lower() == LABELS:
            found, partner = labels, "picture"
        else:
            continue
        key = name.removesuffix(ending)
        if key in found:
            raise DataError(
                f"{found[key]} and {name} share one {partner}, expected one for each",
                remedy="rename or remove one of them",
            )
        found[key] = name
    unpaired = [f"{pictures[key]} has no label" for key in sorted(pictures.keys() - labels.keys())]
    unpaired += [f"{labels[key]} has no picture" for key in sorted(labels.keys() - pictures.keys())]
    return {key: (pictures[key], labels[key]) for key in sorted(pictures.keys() & labels.keys())}, tuple(
        unpaired
    )


def _named(paired: dict[str, tuple[str, str]]) -> tuple[Frame, ...]:
    places = {key: _place(key) for key in paired}
    times = Counter(name for _, name in places.values())
    frames: dict[str, Frame] = {}
    for key, (folder, name) in sorted(places.items()):
        stem = name if times[name] == 1 or not folder else f"{_safe(folder.replace('/', '__'))}__{name}"
        picture, label = paired[key]
        if stem in frames:
            raise DataError(
                f"{frames[stem].picture} and {picture} would both be called {stem}",
                remedy="rename one of them in the archive",
            )
        frames[stem] = Frame(stem=stem, folder=folder, picture=picture, label=label)
    return tuple(frames[stem] for stem in sorted(frames))


def _place(key: str) -> tuple[str, str]:
    """(folder below obj_…_data, safe name) of a member's path without extension."""
    parts = PurePosixPath(key).parts
    top = next(index for index, part in enumerate(parts) if is_data_folder(part))
    return "/".join(parts[top + 1 : -1]), _safe(parts[-1])


def is_data_folder(name: str) -> bool:
    """Whether CVAT keeps pictures and labels in a folder of this name, such as `obj_train_data`."""
    return re.fullmatch(r"obj_\w+_data", name) is not None


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]|^[.-]", "_", name)
