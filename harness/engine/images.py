"""Container images: what they say of themselves, and digests, for which they are too big to be read on every call."""

from pathlib import Path
from typing import Any

from harness.files import read_json, sha256_file, write_json
from harness.settings.declared import SPECS
from harness.workspace.layout import Workspace


def image_digest(workspace: Workspace, image: Path) -> str:
    """SHA-256 of an image, remembered in the workspace while its size and time stay; "" where there is no image."""
    try:
        facts = image.stat()
    except OSError:
        return ""
    known = {"image": str(image), "bytes": facts.st_size, "changed_ns": facts.st_mtime_ns}
    memory = workspace.marker("image").with_name("image-digest")
    remembered = read_json(memory)
    if {**remembered, "sha256": ""} == {**known, "sha256": ""} and remembered.get("sha256"):
        return str(remembered["sha256"])
    digest = sha256_file(image)
    write_json(memory, {**known, "sha256": digest})
    return digest


def image_manifest(image: Path, sha256: str) -> dict[str, Any]:
    """What `container/build.sh` wrote down about an image, from beside it; empty where it is about another one."""
    manifest = read_json(image.with_name(f"{image.name}.json"))
    return manifest if manifest.get("sha256") == sha256 else {}


def how_made(manifest: dict[str, Any]) -> dict[str, str]:
    """Of a manifest, what markers and records quote: digests of the image, its definition and its base."""
    return {name: manifest[name] for name in ("sha256", "definition_sha256", "base_digest") if name in manifest}


def own_manifest() -> dict[str, Any]:
    """What the image says in which this very program runs; empty outside."""
    return read_json(SPECS.parent / "manifest.json")


# Of the header of a SIF file: where it says what it is, and its numbers for processors, in the words of `uname -m`.
SIF_MAGIC, SIF_ARCHITECTURE = slice(32, 41), slice(45, 47)
PROCESSORS = {b"02": "x86_64", b"04": "aarch64", b"06": "ppc64le"}


def image_architecture(image: Path) -> str:
    """The processor a SIF image was built for, as `uname -m` says it; "" where the file does not tell."""
    with image.open("rb") as stream:
        header = stream.read(64)
    return PROCESSORS.get(header[SIF_ARCHITECTURE], "") if header[SIF_MAGIC] == b"SIF_MAGIC" else ""
