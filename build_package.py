"""What setuptools does for this project besides what pyproject.toml says.

A wheel carries the project's own files inside the package `harness`, where harness/own_files.py looks for
them, and both wheel and sdist say which commit they are of. An editable install finds all that in the
checkout.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # a build in an environment of its own starts elsewhere

from harness import code_version, own_files  # noqa: E402 - after the path is set

PACKAGES = ("harness", "made_frames", "probe", "yolo_v4")


class BuildPy(build_py):
    """Puts into a wheel what a checkout has beside the packages."""

    def run(self) -> None:
        """Copy the packages, then the files that they need."""
        top = Path(self.build_lib)
        if not self.editable_mode:
            for package in PACKAGES:  # a module that is gone would stay of an earlier build
                shutil.rmtree(top / package, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            carried = top / own_files.CARRIED.relative_to(own_files.PACKAGES)
            for name in own_files.IN_WHEEL:
                copy(ROOT / name, carried / name)

            def place(path: str) -> Path:
                return (carried if path.split("/")[0] in own_files.IN_WHEEL else top) / path

            write_stamp(carried, place)


class Sdist(sdist):
    """Says in an sdist which commit it is of."""

    def make_release_tree(self, base_dir: str, files: Sequence[str]) -> None:
        """Fill the folder that becomes the archive."""
        super().make_release_tree(base_dir, list(files))
        write_stamp(Path(base_dir), lambda path: Path(base_dir) / path)


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder, without people's own additions and what Python compiled."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", own_files.PERSONAL)
        shutil.copytree(source, target, ignore=ignored)
    else:
        shutil.copyfile(source, target)


def write_stamp(folder: Path, place: code_version.Place) -> None:
    """Write down which commit these files are of."""
    text = json.dumps(code_version.stamp(place), indent=1, sort_keys=True)
    (folder / code_version.STAMP).write_text(f"{text}\n", encoding="utf-8")
