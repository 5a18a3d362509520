"""Which members of an archive make a frame, and what the frame is called.

A frame is a picture and the label file of the same path. It is called as its file, without folder and
extension: `obj_train_data/day1/00001.01234.jpg` is `00001.01234`. Three rules keep names apart and safe:

- where several folders hold the same name, each of these frames is called `<folder>__<name>`
(`day1__00001.01234`),
  so that the name does not depend on the order in the archive;
- where several subsets (`obj_train_data`, `obj_valid_data`) still hold the same name, each of these frames
  is called `<subset>__<name>`;
- characters that shells or NVIDIA's tools trip over become `_`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.errors import DataError

# The one list of endings by which the harness knows a picture: formats that Pillow reads by itself.
PICTURES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
LABELS = ".txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A picture and its label, as paths in the archive, and the name they share from here on."""

    stem: str
    subset: str  # as its annotator called it: train of obj_train_data
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


def pair(names: Iterable[str]) -> tuple[dict[str, tuple[str, str]], tuple[str, ...]]:
    """Pair pictures with labels whose paths are the same but for the extension, which the last dot starts.

    Accents may be composed in one and decomposed in the other, as macOS writes them.

    Returns:
        {path without extension: (picture, label)}, sorted, and sentences on what has no partner.

    Raises:
        DataError: two pictures or two labels for one path (`a.jpg`, `a.JPG`).
    """
    pictures, labels = _sorted_by_kind(names)
    paired = {key: (pictures.pop(key), labels.pop(key)) for key in sorted(pictures.keys() & labels.keys())}
    composed = {_composed(key): key for key in labels}
    for key in sorted(pictures):
        partner = composed.get(_composed(key))
        if partner in labels:
            paired[_composed(key)] = (pictures.pop(key), labels.pop(partner))
    unpaired = [f"{pictures[key]} has no label" for key in sorted(pictures)]
    unpaired += [f"{labels[key]} has no picture" for key in sorted(labels)]
    return dict(sorted(paired.items())), tuple(unpaired)


def is_shadow(name: str) -> bool:
    """Whether macOS added the file: a shadow of another one, not a picture or label by itself."""
    path = PurePosixPath(name)
    return path.parts[:1] == ("__MACOSX",) or path.name.startswith("._")


def _sorted_by_kind(names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Pictures and labels by path without extension."""
    pictures: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in sorted(names):
        ending = PurePosixPath(name).suffix
        if is_shadow(name) or ending.lower() not in {*PICTURES, LABELS}:
            continue
        found, partner = (labels, "picture") if ending.lower() == LABELS else (pictures, "label")
        key = name.removesuffix(ending)
        if key in found:
            raise DataError(
                f"{found[key]} and {name} share one {partner}, expected one for each",
                remedy="rename or remove one of them",
            )
        found[key] = name
    return pictures, labels


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _named(paired: dict[str, tuple[str, str]]) -> tuple[Frame, ...]:
    places = {key: _place(key) for key in sorted(paired)}
    times = Counter(name for _, _, name in places.values())
    stems = {
        key: name if times[name] == 1 or not folder else f"{_safe(folder.replace('/', '__'))}__{name}"
        for key, (_, folder, name) in places.items()
    }
    subsets: dict[str, list[str]] = {}
    for key, stem in stems.items():
        subsets.setdefault(stem, []).append(places[key][0])
    frames: dict[str, Frame] = {}
    for key, (subset, folder, _) in places.items():
        found = subsets[stems[key]]
        stem = f"{_safe(subset)}__{stems[key]}" if len(found) == len({*found}) > 1 else stems[key]
        picture, label = paired[key]
        if stem in frames:
            raise DataError(
                f"{frames[stem].picture} and {picture} would both be called {stem}",
                remedy="rename one of them in the archive",
            )
        frames[stem] = Frame(stem=stem, subset=subset, folder=folder, picture=picture, label=label)
    return tuple(frames[stem] for stem in sorted(frames))


def _place(key: str) -> tuple[str, str, str]:
    """(subset, folder below obj_…_data, safe name) of a member's path without extension."""
    parts = PurePosixPath(key).parts
    top = next(index for index, part in enumerate(parts) if is_data_folder(part))
    subset = parts[top].removeprefix("obj_").removesuffix("_data")
    return subset, "/".join(parts[top + 1 : -1]), _safe(parts[-1])


def is_data_folder(name: str) -> bool:
    """Whether CVAT keeps pictures and labels in a folder of this name, such as `obj_train_data`."""
    return re.fullmatch(r"obj_.+_data", name) is not None


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]|^[.-]", "_", name)
