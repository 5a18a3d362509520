"""A crate that somebody sent: unpacked within bounds, and refused unless all of it belongs together.

Everything in it is data. Of its metadata only paths and digests are read; its markers must belong to its
products and to each other. What is said nowhere is not unpacked.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from harness.data.zip_file import list_members, open_zip, read_member
from harness.errors import DataError
from harness.files import read_json
from harness.reproduce.crate_actions import WORKFLOW
from harness.reproduce.crate_check import broken_chain, changed
from harness.reproduce.crate_contents import SCHEMA_VERSION
from harness.reproduce.crate_graph import METADATA, PACKAGES, PREVIEW, README
from harness.reproduce.source import Run, read_run
from harness.text import listing
from harness.workspace.layout import OWNED, Workspace
from harness.workspace.marker import STAGES, read_marker, why_no_marker

NOT_NAMES = ("", ".", "..")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Described:
    """What the metadata say is in a crate: sha256 of each file, and folders, whose names end with a slash."""

    files: Mapping[str, str]
    folders: frozenset[str]

    def is_in_folder(self, path: str) -> bool:
        return any(path.startswith(folder) for folder in self.folders)


def unpack(path: Path, folder: Path) -> Run:
    """Unpack the crate at `path` into the empty `folder`, laid out as a workspace, and read its run.

    Products that the crate only describes are missing in `folder`.

    Raises:
        DataError: it is no crate of ours, half of one, one of a newer harness, names places outside, or was
            changed since it was packed.
    """
    with open_zip(path) as archive:
        members = {info.filename: info for info in list_members(archive, path)}
        top = _top(path, [*members])
        names = {name.removeprefix(top): name for name in members if name.startswith(top)}
        described = _described(path, _table(path, read_member(archive, names[METADATA], path)))
        if odd := [*_odd(names, described)]:
            raise _unfit(path, f"its files are not those that {METADATA} describes:{listing(odd)}")
        for name, member in names.items():
            content = read_member(archive, member, path)
            wanted = described.files.get(name)
            if wanted is not None and hashlib.sha256(content).hexdigest() != wanted:
                raise _unfit(path, f"{name} was changed: it has not the sha256 that {METADATA} says")
            _place(folder, name).write_bytes(content)
    return _read(path, folder)


def _top(path: Path, members: list[str]) -> str:
    """The folder in the archive that is the crate, as where an unpacked one was packed again; "" mostly."""
    found = sorted((name for name in members if name.split("/")[-1] == METADATA), key=len)
    if not found:
        raise _unfit(path, f"it has no {METADATA}")
    return found[0].removesuffix(METADATA)


def _table(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unfit(path, f"{METADATA} is not JSON: {type(error).__name__}: {error}") from error
    return table if isinstance(table, dict) else {}


def _described(path: Path, metadata: Mapping[str, Any]) -> _Described:
    """The files and folders of which the metadata tell, whatever else is in them."""
    graph = metadata.get("@graph")
    files: dict[str, str] = {}
    folders = set()
    for entity in graph if isinstance(graph, list) else ():
        kinds = entity.get("@type") if isinstance(entity, dict) else None
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if "File" in kinds:
            files[_inside(path, entity)] = str(entity.get("sha256"))
        elif "Dataset" in kinds and entity.get("@id") != "./":
            folders.add(_inside(path, entity).rstrip("/") + "/")
    if WORKFLOW not in files:
        raise _unfit(path, f"{METADATA} tells of no {WORKFLOW}: it is the crate of another program")
    return _Described(files=files, folders=frozenset(folders))


def _inside(path: Path, entity: Mapping[str, Any]) -> str:
    """The path of a file or folder in the crate; also where a program for Windows wrote it."""
    told = str(entity.get("@id"))
    name = unquote(told).replace("\\", "/").removeprefix("./")
    parts = name.rstrip("/").split("/")
    if urlsplit(told).scheme or ":" in parts[0] or any(part in NOT_NAMES for part in parts):
        raise _unfit(path, f"{METADATA} names {told!r}, which is outside of the crate")
    return name


def _odd(names: Mapping[str, str], described: _Described) -> Iterator[str]:
    """What is missing, what is more than described, and what a run has no place for, in words."""
    for name in described.files:
        if name not in names:
            yield f"{name} is missing"
    for name in names:
        if name not in described.files and not described.is_in_folder(name):
            if name not in (METADATA, PREVIEW):
                yield f"{name} is not described"
        elif not _has_a_place(name):
            yield f"{name} is nothing that a run leaves"


def _has_a_place(name: str) -> bool:
    """Whether a crate may hold a file of that name: only these are written."""
    room = Workspace(Path())
    markers = [place(stage).as_posix() for place in (room.marker, room.marker_inputs) for stage in STAGES]
    known = (*markers, WORKFLOW, README, PACKAGES)
    top = name.split("/")[0]
    tops = {pattern.split("/")[0] for patterns in OWNED.values() for pattern in patterns}
    return name in known or (top in {*tops, "specs", "results"} and "/" in name)


def _place(folder: Path, name: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _read(path: Path, folder: Path) -> Run:
    """The run of an unpacked crate, once its parts are known to belong together."""
    version = read_json(folder / WORKFLOW).get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path.name} is a crate of schema {version}, this harness reads {SCHEMA_VERSION}",
            remedy="take a harness as new as the one that packed it",
        )
    room = Workspace(folder)
    for stage in STAGES:
        if room.marker(stage).exists() and read_marker(room, stage) is None:
            raise _unfit(path, why_no_marker(room, stage))
    run = replace(read_run(folder, kind="crate"), name=path.stem)
    faults = [*_unlike_fingerprints(run, room), *broken_chain(run), *changed(run, may_lack=True)]
    if faults:
        raise _unfit(path, f"what it holds does not belong together:{listing(faults)}")
    return run


def _unlike_fingerprints(run: Run, room: Workspace) -> Iterator[str]:
    for stage in run.markers:
        if room.marker_inputs(stage).exists() and not run.ingredients[stage]:
            yield f"what went into {stage} has not the fingerprint that its marker says"


def _unfit(path: Path, found: str) -> DataError:
    return DataError(
        f"{path.name} is refused as a crate: {found}",
        remedy="ask its sender to pack it again with `jamcam crate`, and compare the sha256 that it prints",
    )
