"""A data set of a test's own making, and its path through the first stages."""

import io
import posixpath
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from harness.settings.variables import Settings
from harness.stages.base import Stage

FRAMES = 12


@pytest.fixture
def picture() -> Callable[[int], bytes]:
    """Makes a grey JPEG of 96x64, given its shade."""

    def make(shade: int) -> bytes:
        stream = io.BytesIO()
        Image.new("L", (96, 64), shade).save(stream, "JPEG")
        return stream.getvalue()

    return make


@pytest.fixture
def dataset(tmp_path: Path, picture: Callable[[int], bytes]) -> Callable[..., Path]:
    """Makes a data-set file with an archive of twelve sound frames in three folders, with changes.

    `changes` maps members below obj_train_data to contents, None takes one away; `lines` replace keys of the
    file.
    """

    def make(
        changes: Mapping[str, bytes | None] | None = None, names: str = "person\ncar\n", **lines: str
    ) -> Path:
        members: dict[str, bytes | None] = {}
        for number in range(FRAMES):
            stem = f"day{number % 3}/f{number:02d}"
            members[f"{stem}.jpg"] = picture(10 * number)
            members[f"{stem}.txt"] = f"{number % 2} 0.5 0.5 0.25 0.5\n".encode()
        members |= changes or {}
        with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
            archive.writestr("obj.names", names)
            for name, content in members.items():
                if content is not None:
                    archive.writestr(posixpath.normpath(f"obj_train_data/{name}"), content)
        table = {
            "title": '"made for a test"',
            "address": '"file:own.zip"',
            "archive": '"own.zip"',
            "classes": '["person", "car"]',
            "width_px": "96",
            "height_px": "64",
            "split": "{ test_frames = 3 }",
            **lines,
        }
        declared = tmp_path / "own.toml"
        declared.write_text("".join(f"{key} = {value}\n" for key, value in table.items()))
        return declared

    return make


@pytest.fixture
def run(settings: Callable[..., Settings]) -> Callable[..., Path]:
    """Runs stages on a data set, one after the other; returns the workspace."""

    def run(dataset: Path, *kinds: type[Stage], **changes: str) -> Path:
        chosen = settings(dataset=str(dataset), **changes)
        for kind in kinds:
            kind(settings=chosen).run()
        return chosen.workspace

    return run
