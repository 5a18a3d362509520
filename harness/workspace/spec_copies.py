"""Spec templates: shipped in `specs/`, copied to the workspace, and left alone once a person edited them."""

import hashlib
from pathlib import Path

from harness.errors import ConfigError
from harness.files import read_json, write_json, write_text
from harness.settings.declared import SPECS
from harness.workspace.layout import Workspace

SPLITS = ("train", "val", "test")
COPIED = ".copied.json"  # SHA-256 of every copy as it was written, by file name


def conversion_template(split: str) -> str:
    """File name of the template that says how a split becomes TFRecords."""
    return f"yolo_v4_tfrecords_jamcam_{split}.txt"


class SpecCopies:
    """The templates and their copies in one workspace. Each file is read once, when it is first asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.specs
        self._texts: dict[Path, str | None] = {}
        self._digests: dict[str, str] | None = None

    def template(self, name: str) -> str:
        """The user's edited copy of a template where there is one, else the shipped one.

        Raises:
            ConfigError: there is neither.
        """
        text = self._text(self.path(name))
        if text is None:
            raise ConfigError(
                f"no spec template {name} in {SPECS} or {self._folder}", remedy="correct the recipe"
            )
        return text

    def path(self, name: str) -> Path:
        """The file that `template` reads."""
        return (self._folder if self.is_edited(name) else SPECS) / name

    def is_edited(self, name: str) -> bool:
        """Whether the copy in the workspace is neither what we put there nor what we would put there."""
        copy = self._text(self._folder / name)
        return (
            copy is not None and copy != self._text(SPECS / name) and _digest(copy) != self._copied.get(name)
        )

    def edited(self) -> list[Path]:
        """The copies in the workspace that a person edited."""
        return [path for path in sorted(self._folder.glob("*.txt")) if self.is_edited(path.name)]

    def outdated(self, names: tuple[str, ...]) -> dict[str, str]:
        """Those of the templates that `lay_out` would copy, and their texts."""
        shipped = {name: text for name in names if (text := self._text(SPECS / name)) is not None}
        return {name: text for name, text in shipped.items() if not self._is_up_to_date(name, text)}

    def lay_out(self, names: tuple[str, ...]) -> None:
        """Copy each template into the workspace to be edited, and bring unedited copies up to date."""
        for name, text in self.outdated(names).items():
            write_text(self._folder / name, text)
            self._texts[self._folder / name] = text
            self._copied[name] = _digest(text)
            write_json(self._folder / COPIED, self._copied)

    def _is_up_to_date(self, name: str, shipped: str) -> bool:
        # A copy that is right and not recorded would count as edited once the shipped template changes.
        recorded = self._copied.get(name) == _digest(shipped)
        return self.is_edited(name) or (recorded and self._text(self._folder / name) == shipped)

    @property
    def _copied(self) -> dict[str, str]:
        if self._digests is None:
            self._digests = read_json(self._folder / COPIED)
        return self._digests

    def _text(self, path: Path) -> str | None:
        if path not in self._texts:
            try:
                self._texts[path] = path.read_text()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                self._texts[path] = None
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"cannot read {path}: {error}", remedy="make it readable, as UTF-8 text"
                ) from error
        return self._texts[path]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
