"""What every test may ask for: an environment without settings, a workspace, and data beside the checkout."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
# Read once, here: the tests themselves run without JAMCAM_ variables.
SHARED = Path(os.environ.get("JAMCAM_SHARED", CHECKOUT.parent / "shared")).absolute()
GOLDEN = Path(os.environ.get("YOLO_V4_GOLDEN", SHARED / "oracle")).absolute()


@pytest.fixture(autouse=True)
def environment_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the person who runs the tests must not decide their outcome."""
    for name in [*os.environ]:
        if name.startswith(("JAMCAM_", "LUIGI_", "SLURM_")) or name in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the Makefile."""
    return CHECKOUT


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Where a workspace may be made; nothing is there yet."""
    return tmp_path / "workspace"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data that stands beside the project, never in it."""
    return _present(SHARED, "real data", "JAMCAM_SHARED")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Golden vectors made with NVIDIA's open-sourced code."""
    return _present(GOLDEN, "golden vectors", "YOLO_V4_GOLDEN")


@pytest.fixture(scope="session")
def interpreter() -> Callable[[str], str]:
    """Finds a Python of a version such as "3.12", on PATH or under pyenv; skips the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))

    def find(version: str) -> str:
        on_path = shutil.which(f"python{version}")
        for candidate in [*pyenv.glob(f"versions/{version}.*/bin/python{version}"), *filter(None, [on_path])]:
            if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
                return str(candidate)
        return pytest.skip(f"no Python {version} on this machine")

    return find


def _present(folder: Path, content: str, variable: str) -> Path:
    if not folder.is_dir():
        pytest.skip(f"no {content} at {folder}; set {variable} to the folder that has them")
    return folder
