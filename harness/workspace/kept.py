"""Sets of products that lie aside, `.kept/<stage>/<fingerprint>/`, each with the marker that vouches for it.

A set was made with other settings and is taken back when these return, or it is about to be published: all
that stages make comes through here. Everything moves by rename, and a set whose move was cut short lacks just
what lies in the workspace still, or already; so nothing is lost whenever a run is killed.
"""

import os
import re
import stat
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clock import stamp
from harness.files import digest_path, read_json, remove, replace, write_bytes, write_json
from harness.workspace.layout import Workspace
from harness.workspace.marker import (
    FINGERPRINT,
    STAGES,
    Marker,
    Product,
    forget,
    is_digest_of,
    marker_table,
    parse_marker,
    read_marker,
    write_marker,
)

MARKER, INGREDIENTS = "marker.json", "inputs.json"
GIB, MIB = 1 << 30, 1 << 20
# Fingerprints; and names of sets that no marker vouches for, which are never taken back.
SET_NAME = re.compile(rf"{FINGERPRINT.pattern}|unmarked-[\w-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptSet:
    """Products of one stage that lie aside; without a marker nobody knows what they were made with."""

    stage: str
    folder: Path
    marker: Marker | None

    @property
    def ingredients(self) -> dict[str, Any]:
        """What the fingerprint was made of; empty where that is not known for certain."""
        table = read_json(self.folder / INGREDIENTS)
        return table if self.marker and is_digest_of(self.marker.fingerprint, table) else {}

    def is_whole(self) -> bool:
        """Whether every product is there; their contents are not looked at."""
        products = self.marker.products if self.marker else ()
        return bool(products) and all(os.path.lexists(self.folder / product.path) for product in products)

    def is_empty(self) -> bool:
        """Whether all products have moved on."""
        if self.marker and self.marker.products:
            return not any(os.path.lexists(self.folder / each.path) for each in self.marker.products)
        others = {self.folder / MARKER, self.folder / INGREDIENTS}
        return all(path in others or path.is_dir() for path in self.folder.rglob("*"))

    def damage(self) -> str:
        """What differs from what the marker says, in words; "" where nothing does. Reads everything."""
        for product in self.marker.products if self.marker else ():
            path = self.folder / product.path
            if any(place.is_symlink() for place in (path, *path.parents[: product.path.count("/")])):
                return f"{product.path} leads elsewhere"
            try:
                if digest_path(path) != product.digest:
                    return f"the contents of {product.path} changed"
            except OSError as error:
                return f"{product.path}: {error.strerror or error}"
        return "" if self.marker else "no marker vouches for it"


def kept_sets(workspace: Workspace, stage: str) -> list[KeptSet]:
    """The sets of a stage that lie aside, the one that was used last at the end."""
    return [kept for kept in _all_sets(workspace, stage) if not kept.is_empty()]


def _all_sets(workspace: Workspace, stage: str) -> list[KeptSet]:
    parent = workspace.kept(stage)
    if not parent.is_dir() or workspace.link_before(parent / "set"):
        return []
    folders = [path for path in parent.iterdir() if SET_NAME.fullmatch(path.name) and not path.is_symlink()]
    folders.sort(key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
    return [KeptSet(stage=stage, folder=folder, marker=_marker(folder, stage)) for folder in folders]


def find(
    workspace: Workspace, stage: str, fingerprint: str, means_the_same: Callable[[KeptSet], bool]
) -> KeptSet | None:
    """The whole set of that fingerprint, or one with ingredients that means the same; None without one."""
    whole = [kept for kept in reversed(kept_sets(workspace, stage)) if kept.is_whole()]
    exact = [kept for kept in whole if kept.folder.name == fingerprint]
    return next(iter(exact or (kept for kept in whole if kept.ingredients and means_the_same(kept))), None)


def put(workspace: Workspace, products: Path, marker: Marker, ingredients: Mapping[str, Any]) -> Path:
    """Make a set of the folder `products`, whose contents are on the disk, and return where it is then.

    It replaces one of that fingerprint.
    """
    folder = workspace.kept(marker.stage) / marker.fingerprint
    write_json(products / INGREDIENTS, ingredients, durable=False)
    write_json(products / MARKER, marker_table(marker))
    remove(folder)
    replace(products, folder)
    return folder


def install(
    workspace: Workspace, folder: Path, marker: Marker, ingredients: Mapping[str, Any]
) -> Path | None:
    """Put the set in `folder` into its places, and its marker.

    What lies there was made with the same settings and is replaced, or is set aside.

    Returns:
        The folder of what was set aside; None where nothing was.
    """
    stage, before = marker.stage, read_marker(workspace, marker.stage)
    same = before is not None and before.fingerprint == marker.fingerprint
    aside = None if same else _set_aside(workspace, before, marker)
    # From here to the new marker the stage is not done: a mix of old and new products passes for neither.
    forget(workspace, stage)
    for product in marker.products:
        replace(folder / product.path, workspace.path(product.path))
    write_marker(workspace, marker, ingredients)
    _discard(folder)
    return aside


def _set_aside(workspace: Workspace, marker: Marker | None, coming: Marker) -> Path | None:
    """Move to a set what `marker` names, and what else lies in the places of the products to come.

    Without a marker nobody knows what lies there; what already is as the products to come stays.
    """
    named = [product.path for product in marker.products] if marker else []
    in_the_way = [product.path for product in coming.products if marker or not _is_right(workspace, product)]
    there = [name for name in dict.fromkeys(named + in_the_way) if _is_there(workspace, name)]
    if not there:
        return None
    name = marker.fingerprint if marker else f"unmarked-{stamp(time.time())}-{os.getpid()}"
    folder = workspace.kept(coming.stage) / name
    if marker:
        remove(folder)
        inputs = workspace.marker_inputs(coming.stage)
        if inputs.is_file():
            write_bytes(folder / INGREDIENTS, inputs.read_bytes(), durable=False)
        write_bytes(folder / MARKER, workspace.marker(coming.stage).read_bytes())
    forget(workspace, coming.stage)
    for product in there:
        replace(workspace.path(product), folder / product)
    return folder


def gather(workspace: Workspace) -> None:
    """Complete the sets whose move was cut short by a kill; to be called by who holds the workspace."""
    for kept in (kept for stage in STAGES for kept in _all_sets(workspace, stage)):
        if read_marker(workspace, kept.stage) is None:
            for product in kept.marker.products if kept.marker else ():
                aside = kept.folder / product.path
                if not os.path.lexists(aside) and _is_right(workspace, product):
                    replace(workspace.path(product.path), aside)
        if kept.is_empty():
            _discard(kept.folder)


def make_room(
    workspace: Workspace, sets: Sequence[KeptSet], *, at_most_gib: float, say: Callable[[str], None]
) -> None:
    """Remove of `sets` those that lay unused for longest, until no more than that lies aside in all."""
    waiting = sorted((kept for kept in sets if kept.folder.is_dir()), key=_changed_ns)
    aside_bytes = size_bytes(every_set(workspace))
    while waiting and aside_bytes > at_most_gib * GIB:
        oldest, before_bytes = waiting.pop(0), aside_bytes
        _discard(oldest.folder)
        aside_bytes = size_bytes(every_set(workspace))
        say(
            f"removed {oldest.folder.relative_to(workspace.root)}, unused for longest "
            f"({_room(before_bytes - aside_bytes)}): more than {at_most_gib:g} GiB (KEPT_GIB) lay aside"
        )


def every_set(workspace: Workspace) -> list[KeptSet]:
    """What lies aside of all stages."""
    return [kept for stage in STAGES for kept in kept_sets(workspace, stage)]


def size_bytes(sets: Sequence[KeptSet]) -> int:
    """What removing the sets would free: a file that has another name elsewhere takes no room here."""
    names: Counter[tuple[int, int]] = Counter()
    files: dict[tuple[int, int], os.stat_result] = {}
    for path in (path for kept in sets for path in kept.folder.rglob("*")):
        facts = path.lstat()
        if not stat.S_ISDIR(facts.st_mode):
            names[facts.st_dev, facts.st_ino] += 1
            files[facts.st_dev, facts.st_ino] = facts
    return sum(facts.st_size for key, facts in files.items() if names[key] >= facts.st_nlink)


def summary(sets: Sequence[KeptSet]) -> str:
    """How many sets, of which stages, and how much room they take, in words."""
    counts = {stage: sum(kept.stage == stage for kept in sets) for stage in STAGES}
    parts = ", ".join(f"{stage} {count}" for stage, count in counts.items() if count)
    return f"{len(sets)} set{'s' * (len(sets) != 1)} of products ({parts}), {_room(size_bytes(sets))}"


def _room(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.1f} MiB"


def _marker(folder: Path, stage: str) -> Marker | None:
    marker = parse_marker(read_json(folder / MARKER), stage)
    return marker if marker and marker.fingerprint == folder.name else None


def _is_there(workspace: Workspace, product: str) -> bool:
    path = workspace.path(product)
    return os.path.lexists(path) and not workspace.link_before(path)


def _is_right(workspace: Workspace, product: Product) -> bool:
    """Whether a product lies in its place as its marker says."""
    path = workspace.path(product.path)
    return (
        _is_there(workspace, product.path) and not path.is_symlink() and digest_path(path) == product.digest
    )


def _changed_ns(kept: KeptSet) -> int:
    return kept.folder.stat().st_mtime_ns


def _discard(folder: Path) -> None:
    remove(folder)
    for parent in (folder.parent, folder.parent.parent):
        try:
            parent.rmdir()
        except OSError:
            return  # not empty
