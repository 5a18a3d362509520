"""What `predict` is given: pictures and videos, found in files and folders, each with a name of its own.

The name of an item is its place in every output: `street/day1/a.jpg` is `day1/a.jpg` of the given folder
`street`, `clip.mp4` a file that was given itself. Given files and folders of one name are called by more of
their path, joined with two underscores, so no two items share a name.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from yolo_v4.data.picture_file import PREDICT_SUFFIXES
from yolo_v4.errors import DataError

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts")
OWN_FOLDER = ".predict"  # in a folder of results: what the program keeps for itself there
GIVEN = "give pictures, folders with pictures, or videos"


class Item(NamedTuple):
    """A picture or a video; `stem` is the name without its ending, or with it where it would not be alone."""

    path: Path
    name: str
    stem: str
    is_video: bool


class Listing(NamedTuple):
    """What there is to look at, in order, and what was left out: kind of file or folder -> how many."""

    items: tuple[Item, ...]
    left_out: Mapping[str, int]


def named_sources(given: Sequence[str]) -> dict[str, Path]:
    """The files and folders that were given, without links and once each, by the names they have here.

    Raises DataError: there is nothing at one of the paths.
    """
    paths = [*dict.fromkeys(map(_resolved, given))]
    parts = 1
    names = _joined(paths, parts)
    while len({name.casefold() for name in names}) < len(names):
        times = Counter(name.casefold() for name in names)
        parts += 1
        longer = _joined(paths, parts)
        names = [
            more if times[name.casefold()] > 1 else name for name, more in zip(names, longer, strict=True)
        ]
    return dict(zip(names, paths, strict=True))


def list_items(sources: Mapping[str, Path]) -> Listing:
    """The pictures and videos in `sources`, in the order given, then by name; each file once.

    Raises DataError: a file is neither picture nor video, a folder cannot be read, or there is nothing.
    """
    found: list[tuple[str, Path]] = []
    left_out: Counter[str] = Counter()
    for name, path in sources.items():
        if path.is_dir():
            found += ((f"{name}/{below}", file) for below, file in _walk(path, "", left_out))
        elif path.is_file() and (is_picture(path) or is_video(path)):
            found.append((name, path))
        else:
            raise DataError(f"{path} is neither a picture nor a video, by its ending", remedy=GIVEN)
    items = _items(_once(found, left_out))
    if not items:
        words = f"; left out: {told(left_out)}" if left_out else ""
        raise DataError(
            f"no picture or video in {', '.join(map(str, sources.values()))}{words}", remedy=GIVEN
        )
    return Listing(items, left_out)


def told(left_out: Mapping[str, int]) -> str:
    """`3 .txt, 1 link to a folder`; an ending that cannot be printed as its escapes."""
    kinds = {kind if kind.isprintable() else ascii(kind): count for kind, count in left_out.items()}
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def is_picture(path: Path) -> bool:
    """Whether a file passes for a picture, by its ending."""
    return path.suffix.lower() in PREDICT_SUFFIXES


def is_video(path: Path) -> bool:
    """Whether a file passes for a video, by its ending."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def _resolved(text: str) -> Path:
    try:
        return Path(text).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # the latter for links that lead in a circle
        raise DataError(f"there is no file or folder at {text}", remedy=GIVEN) from error


def _joined(paths: Sequence[Path], parts: int) -> list[str]:
    return ["__".join(path.parts[1:][-parts:]) or "root" for path in paths]


def _walk(folder: Path, below: str, left_out: Counter[str]) -> Iterator[tuple[str, Path]]:
    """(path below the given folder, file) of pictures and videos; links to folders are not followed."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"cannot list {folder}: {error.strerror}", remedy="give access, or leave it out"
        ) from error
    if any(entry.name == OWN_FOLDER for entry in entries):
        left_out["folder of results"] += 1
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            left_out["hidden"] += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, f"{below}{entry.name}/", left_out)
        elif entry.is_dir():
            left_out["link to a folder"] += 1
        elif not entry.is_file():
            left_out["link to nothing, or no file"] += 1
        elif is_picture(path) or is_video(path):
            yield f"{below}{entry.name}", path
        else:
            left_out[path.suffix.lower() or "without ending"] += 1


def _once(found: Sequence[tuple[str, Path]], left_out: Counter[str]) -> dict[str, Path]:
    """Each file by the first of its names: folders that were given may lie in one another."""
    first: dict[str, str] = {}
    for name, path in found:
        if first.setdefault(os.path.realpath(path), name) != name:
            left_out["given twice"] += 1
    kept = {*first.values()}
    return {name: path for name, path in found if name in kept}


def _items(found: Mapping[str, Path]) -> tuple[Item, ...]:
    stems = {name: name.removesuffix(path.suffix) for name, path in found.items()}
    times = Counter(stem.casefold() for stem in stems.values())
    names = {name.casefold() for name in found}
    items = []
    for name, path in found.items():
        stem = stems[name].casefold()
        is_alone = times[stem] == 1 and stem not in names and not is_video(path)
        items.append(Item(path, name, stems[name] if is_alone else name, is_video(path)))
    return tuple(items)
