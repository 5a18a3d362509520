"""The environment that `make` fills with a real pip, out of a package index or a folder of wheels."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import __version__

pytestmark = [pytest.mark.slow, pytest.mark.system]

NEEDED = (
    "Makefile",
    "build_package.py",
    "environment.py",
    "pyproject.toml",
    "constraints.txt",
    "README.md",
    "LICENSE",
    "luigi.cfg",
)
NEEDED += ("harness", "made_frames", "probe", "specs", "yolo_v4")
# Somebody who owns nothing here, if root runs the tests.
SOMEBODY = {} if os.getuid() else {"user": 65534, "group": 65534, "extra_groups": []}
# Where packages come from, if whoever runs the tests has said so.
INDEX = {
    name: text
    for name, text in os.environ.items()
    if re.search(r"^PIP_.*(INDEX|LINKS|CERT)|_proxy$", name, re.I)
}


@pytest.fixture
def home():
    """A folder of that user's; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        if SOMEBODY:
            os.chown(folder, SOMEBODY["user"], SOMEBODY["group"])
        yield Path(folder)


@pytest.fixture
def read_only(checkout):
    """A copy of the checkout in which nobody but root can write."""
    with tempfile.TemporaryDirectory() as folder:
        for name in NEEDED:
            copy = shutil.copytree if (checkout / name).is_dir() else shutil.copy
            copy(checkout / name, Path(folder, name))
        subprocess.run(["chmod", "-R", "a+rX,a-w", folder], check=True)
        yield Path(folder)
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)


@pytest.fixture
def make(read_only, home):
    """Runs make in the read-only checkout as an ordinary user, with the Python that every user has."""
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or "/none"
    fit = "import sys, ensurepip; sys.exit(sys.version_info < (3, 10))"
    if not Path(python).exists() or subprocess.run([python, "-c", fit], check=False).returncode:
        pytest.skip("no Python 3.10 or newer, with venv, that an ordinary user can start")

    def run(*words, **environment):
        result = subprocess.run(
            ["make", f"PYTHON={python}", f"VENV={home}/venv", *words],
            cwd=read_only,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **INDEX, **environment},
            capture_output=True,
            text=True,
            check=False,
            **SOMEBODY,
        )
        if re.search(r"NewConnectionError|ConnectTimeout|Max retries|NameResolution", result.stderr):
            pytest.skip("no package index can be reached from here")
        return result

    return run


def test_a_checkout_that_its_user_cannot_write_serves_all_the_same(make, read_only, home):
    before = sorted(read_only.rglob("*"))

    result = make("download", "RECIPE=smoke", f"WORKSPACE={home}/workspace")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "next: make verify" in result.stdout
    assert sorted(read_only.rglob("*")) == before
    programs = home / "venv" / "bin"
    ask = "import importlib.metadata as metadata; print(metadata.version('jamcam-harness'))"
    for question in (
        [programs / "python", "-c", ask],
        [programs / "jamcam", "--version"],
        [programs / "yolo_v4", "-h"],
    ):
        answer = subprocess.run(question, cwd="/", capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        assert __version__ in answer.stdout or "usage: yolo_v4" in answer.stdout


def test_what_variables_have_spoilt_the_next_make_repairs(make, home):
    (home / "constraints.txt").write_text("numpy==1.26.4\n")
    result = make("status", PIP_CONSTRAINT=f"{home}/constraints.txt")

    assert result.returncode == 2
    assert f"the variable PIP_CONSTRAINT='{home}/constraints.txt' asks for other versions" in result.stderr
    assert "unset PIP_CONSTRAINT" in result.stderr
    assert not list((home / "venv").glob(".ready-*"))

    # A module's packages for another Python.
    (home / "module" / "numpy").mkdir(parents=True)
    (home / "module" / "numpy" / "__init__.py").write_text("raise ImportError('made for another Python')")
    elsewhere = dict.fromkeys(("PIP_PREFIX", "PIP_TARGET", "PYTHONHOME"), f"{home}/elsewhere")
    variables = {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PYTHONPATH": f"{home}/module"}
    result = make("download", "RECIPE=smoke", f"WORKSPACE={home}/workspace", **elsewhere, **variables)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "was left half-made: starting again" in result.stdout
    assert "next: make verify" in result.stdout
    assert not (home / "elsewhere").exists()
