"""A run as one file for strangers: a zip archive, laid out as a workspace, with metadata that describe it.

It is made of markers and of what they name. The same workspace gives the same bytes, with the same zlib: no
clock is asked, and nothing of this machine is in it.
"""

import os
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import ConfigError, DataError
from harness.files import publish, remove, sha256_file
from harness.reproduce.crate_check import broken_chain, changed
from harness.reproduce.crate_contents import TEXTS, Content, as_json, choose, from_bytes
from harness.reproduce.crate_graph import METADATA, PREVIEW, graph
from harness.reproduce.crate_page import page
from harness.reproduce.source import Run
from harness.text import listing
from harness.workspace.machine_paths import places_of, told_to_strangers

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive can tell
IN_ATTEMPT = re.compile(r"(/[^=:]+)/\.attempts/")  # an absolute path to what an attempt wrote or read
PACKED_TIGHT = {*TEXTS, ".html", ".md", ".svg"}
PLAIN_FILE, FOLDER, UNIX = 0o100644 << 16, 0o40755 << 16 | 0x10, 3  # as a zip archive has them


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """A crate that was written; `left_out` is a line for each file that names a place on this machine."""

    bytes: int
    files: int
    sha256: str
    left_out: tuple[str, ...]


def write_crate(
    target: Path,
    run: Run,
    *,
    titles: Mapping[str, str],
    wanted: Sequence[str] = (),
    extra: Mapping[str, Path] | None = None,
    licence: str = "",
) -> Packed:
    """Pack the run of a workspace into `target`.

    Args:
        titles: what each stage does, in words.
        wanted: weights, data, both or none of them.
        extra: path in the crate -> file, such as `extras` finds.
        licence: of the data, in words.

    Raises:
        ConfigError: another file is at `target`.
        DataError: a product is not as its marker says, or was made from other ones than lie there.
    """
    _require_whole(run)
    assert run.folder is not None
    places = places_of(run.folder, Path.home(), *_earlier_places(run))
    run = _for_strangers(run, places)
    chosen = choose(run, titles=titles, wanted=wanted, extra=extra or {}, places=places)
    parts = [each.part for each in chosen.contents if each.is_told]
    metadata = graph(run, parts, titles=titles, inside=chosen.inside, licence=licence)
    preview = page(run, parts, titles=titles, licence=licence)
    head = [from_bytes(METADATA, as_json(metadata)), from_bytes(PREVIEW, preview.encode())]
    folders = [f"{path}/" for path, identifier in chosen.inside.items() if identifier.endswith("/")]
    contents = [*head, *chosen.contents]
    _write(target, contents, folders)
    return Packed(
        bytes=target.stat().st_size,
        files=len(contents),
        sha256=sha256_file(target),
        left_out=chosen.left_out,
    )


def _require_whole(run: Run) -> None:
    if faults := [*broken_chain(run), *changed(run, may_lack=False)]:
        raise DataError(
            f"{run.folder} does not hold one whole run:{listing(faults)}",
            remedy="jamcam all, then jamcam crate again",
        )


def _earlier_places(run: Run) -> set[Path]:
    """Where the workspace was when its stages ran, by their command lines: it may have been moved since."""
    words = [word for marker in run.markers.values() for line in marker.argv for word in line]
    found = (IN_ATTEMPT.search(word) for word in words)
    return {Path(match[1]) for match in found if match}


def _for_strangers(run: Run, places: Sequence[str]) -> Run:
    """The run with markers whose command lines and images name no place on this machine."""
    markers = {}
    for stage, marker in run.markers.items():
        engine = marker.engine
        if engine:
            made = told_to_strangers(dict(engine.image_made), places)
            engine = replace(engine, image=Path(engine.image).name, image_made=made)
        markers[stage] = replace(
            marker,
            engine=engine,
            argv=tuple(tuple(told_to_strangers(list(line), places)) for line in marker.argv),
            made_with=told_to_strangers(dict(marker.made_with), places),
        )
    return replace(run, markers=markers)


def _write(target: Path, contents: Sequence[Content], folders: Sequence[str]) -> None:
    """Write the archive aside, and put it in its place unless another file is there."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
            for content in contents:
                _add(archive, content)
            for folder in folders:  # which metadata name, and other programs look for
                archive.writestr(_entry(folder, FOLDER), b"")
        if target.exists() and sha256_file(target) != sha256_file(aside):
            raise ConfigError(f"another file is at {target}", remedy="name another one, or remove it")
        publish(aside, target)
    finally:
        remove(aside)


def _add(archive: zipfile.ZipFile, content: Content) -> None:
    info = _entry(content.part.path, PLAIN_FILE)
    info.file_size = content.part.bytes
    if Path(info.filename).suffix in PACKED_TIGHT:  # weights and pictures would gain nothing
        info.compress_type = zipfile.ZIP_DEFLATED
    if isinstance(content.source, bytes):
        archive.writestr(info, content.source)
        return
    with content.source.open("rb") as source, archive.open(info, "w") as member:
        shutil.copyfileobj(source, member)


def _entry(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.external_attr, info.create_system = kind, UNIX
    return info
