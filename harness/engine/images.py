"""Container images: their manifests, processors and digests; they are too large to be read on every call."""

import contextlib
import functools
from pathlib import Path
from typing import Any

from harness.files import read_json, sha256_file, write_json
from harness.own_files import PACKAGES
from harness.workspace.layout import Workspace


def image_digest(workspace: Workspace, image: Path) -> str:
    """SHA-256 of an image; "" where there is no image.

    It is remembered by size and time of change, and kept in a workspace in which a stage was begun: who only
    looks writes nothing, and makes no workspace of a folder.
    """
    try:
        facts = image.stat()
    except OSError:
        return ""
    known = {"image": str(image), "bytes": facts.st_size, "changed_ns": facts.st_mtime_ns}
    cache = workspace.marker("image").with_name("image-digest")
    cached = read_json(cache)
    if {**cached, "sha256": ""} == {**known, "sha256": ""} and cached.get("sha256"):
        return str(cached["sha256"])
    digest = _digest(image, facts.st_size, facts.st_mtime_ns)
    if cache.parent.is_dir():
        with contextlib.suppress(OSError):  # a workspace that this user may only read
            write_json(cache, {**known, "sha256": digest})
    return digest


@functools.cache
def _digest(image: Path, size_bytes: int, changed_ns: int) -> str:
    return sha256_file(image)


def image_manifest(image: Path, sha256: str) -> dict[str, Any]:
    """What `container/build.sh` wrote beside an image about it; empty where that is about another image."""
    manifest = read_json(image.with_name(f"{image.name}.json"))
    return manifest if manifest.get("sha256") == sha256 else {}


def how_made(manifest: dict[str, Any]) -> dict[str, str]:
    """What markers and records keep of a manifest: digests of the image, its definition and its base."""
    return {
        name: manifest[name] for name in ("sha256", "definition_sha256", "base_digest") if name in manifest
    }


def own_manifest() -> dict[str, Any]:
    """The manifest of the image in which this program runs; empty outside of one."""
    return read_json(PACKAGES / "manifest.json")


# The header of a SIF file: where its magic word and its processor stand; processors as `uname -m` names them.
SIF_MAGIC, SIF_ARCHITECTURE = slice(32, 41), slice(45, 47)
PROCESSORS = {b"02": "x86_64", b"04": "aarch64", b"06": "ppc64le"}


def image_architecture(image: Path) -> str:
    """The processor a SIF image was built for, as `uname -m` names it; "" where the file is no SIF file."""
    with image.open("rb") as stream:
        header = stream.read(64)
    return PROCESSORS.get(header[SIF_ARCHITECTURE], "") if header[SIF_MAGIC] == b"SIF_MAGIC" else ""
