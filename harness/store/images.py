"""Digests of container images, which are too big to be read on every call."""

from pathlib import Path

from harness.files import read_json, sha256_file, write_json
from harness.store.layout import Workspace


def image_digest(workspace: Workspace, image: Path) -> str:
    """SHA-256 of an image, remembered in the workspace while its size and time stay; "" where there is no image."""
    try:
        facts = image.stat()
    except OSError:
        return ""
    known = {"image": str(image), "bytes": facts.st_size, "changed_ns": facts.st_mtime_ns}
    memory = workspace.marker("image").with_name("image-digest")
    remembered = read_json(memory)
    digest = remembered.pop("sha256", "")
    if digest and remembered == known:
        return str(digest)
    digest = sha256_file(image)
    write_json(memory, {**known, "sha256": digest})
    return digest
