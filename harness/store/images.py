"""Digests of container images, which are too big to be read on every call."""

import json
from pathlib import Path

from harness.files import sha256_file, write_json
from harness.store.layout import Workspace


def image_digest(workspace: Workspace, image: Path) -> str:
    """SHA-256 of an image, remembered in the workspace while its size and time stay; "" where there is no image."""
    try:
        facts = image.stat()
    except OSError:
        return ""
    known = {"image": str(image), "bytes": facts.st_size, "changed_ns": facts.st_mtime_ns}
    memory = workspace.marker("image").with_name("image-digest")
    try:
        remembered = json.loads(memory.read_text())
        if {**remembered, "sha256": ""} == {**known, "sha256": ""}:
            return str(remembered["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not remembered yet
    digest = sha256_file(image)
    write_json(memory, {**known, "sha256": digest})
    return digest
