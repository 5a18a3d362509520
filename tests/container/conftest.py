"""A checkout of a test's own, in which definition files and images may be written."""

import shutil
from pathlib import Path

import pytest

PARTS = (
    "LICENSE",
    "constraints.txt",
    "container",
    "harness",
    "luigi.cfg",
    "made_frames",
    "probe",
    "pyproject.toml",
    "specs",
    "yolo_v4",
)


@pytest.fixture
def copied_checkout(checkout: Path, tmp_path: Path) -> Path:
    """What an image is built from, without what earlier builds left; not a git repository."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in PARTS:
        if (checkout / name).is_dir():
            shutil.copytree(
                checkout / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.def", "*.sif*")
            )
        else:
            shutil.copyfile(checkout / name, copy / name)
    return copy
