"""Crates for tests: packed from a workspace, and changed as a stranger could change them."""

import hashlib
import json
import zipfile

from harness.reproduce.crate import write_crate
from harness.reproduce.source import read_run
from harness.verbs.run import HELPS

METADATA = "ro-crate-metadata.json"


def packed(workspace, target, **options):
    """The crate of a workspace, and what `write_crate` says of it."""
    return write_crate(target, read_run(workspace), titles=HELPS, **options)


def contents_of(path):
    """Member -> content."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata_of(path):
    """Identifier -> entity."""
    graph = json.loads(contents_of(path)[METADATA])["@graph"]
    return {entity["@id"]: entity for entity in graph}


def rewritten(path, change, *, told=True):
    """The crate with other contents; with `told` its metadata have the sha256 of these, as a forger would."""
    contents = contents_of(path)
    change(contents)
    if told:
        metadata = json.loads(contents[METADATA])
        for entity in metadata["@graph"]:
            if entity["@id"] in contents:
                entity["sha256"] = hashlib.sha256(contents[entity["@id"]]).hexdigest()
        contents[METADATA] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def edited(contents, name, change):
    """Change the JSON table in a member."""
    table = json.loads(contents[name])
    change(table)
    contents[name] = json.dumps(table).encode()
