"""Spec templates: shipped in `specs/`, copied to the workspace, and left alone there once a person edited them."""

import hashlib
from pathlib import Path

from harness.errors import ConfigError
from harness.files import read_json, write_json, write_text
from harness.settings.declared import SPECS
from harness.workspace.layout import Workspace

SPLITS = ("train", "val", "test")


def conversion_template(split: str) -> str:
    """File name of the template that says how a split becomes TFRecords."""
    return f"yolo_v4_tfrecords_jamcam_{split}.txt"


def read_template(workspace: Workspace, name: str) -> str:
    """The user's edited copy of a template where there is one, else the shipped one.

    Raises:
        ConfigError: there is neither.
    """
    copy = workspace.specs / name
    if copy.is_file() and is_edited(workspace, name):
        return copy.read_text()
    try:
        return (SPECS / name).read_text()
    except OSError as error:
        raise ConfigError(
            f"no spec template {name} in {SPECS} or {workspace.specs}", remedy="correct the recipe"
        ) from error


def is_edited(workspace: Workspace, name: str) -> bool:
    """Whether the copy in the workspace is neither what we put there nor what we would put there."""
    copy, shipped = workspace.specs / name, SPECS / name
    if not copy.is_file():
        return False
    text = copy.read_text()
    return _digest(text) != _copied(workspace).get(name) and not (shipped.is_file() and text == shipped.read_text())


def edited(workspace: Workspace) -> list[Path]:
    """The copies in the workspace that a person edited."""
    return [path for path in sorted(workspace.specs.glob("*.txt")) if is_edited(workspace, path.name)]


def lay_out(workspace: Workspace, names: tuple[str, ...]) -> None:
    """Put a copy of each template into the workspace to be edited, fresh as long as nobody did."""
    copied = _copied(workspace)
    for name in names:
        shipped = SPECS / name
        if is_edited(workspace, name) or not shipped.is_file():
            continue
        text = shipped.read_text()
        if copied.get(name) != _digest(text) or not (workspace.specs / name).is_file():
            write_text(workspace.specs / name, text)
            copied[name] = _digest(text)
            write_json(workspace.specs / ".copied.json", copied)


def _copied(workspace: Workspace) -> dict[str, str]:
    return read_json(workspace.specs / ".copied.json")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
