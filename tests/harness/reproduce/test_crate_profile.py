"""A crate is what the profile asks for, by the validator of those who wrote it; nothing is fetched for that.

The validator brings some forty packages, which are no part of this project's environment: it has one of its
own, made once and kept from run to run.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

from harness.files import sha256_file
from tests.harness.reproduce.crates import packed

PINS = Path(__file__).with_name("roc_validator.txt")
PROGRAM = Path(__file__).with_name("validate_crate.py")
NO_INDEX = re.compile(r"NewConnectionError|ConnectTimeout|Max retries|NameResolution")
# What is recommended and makes no sense here, with why.
NOT_HERE = {
    "Action agent": "who ran it is told to nobody",
    "Root Data Entity: `author` property": "likewise",
    "Root Data Entity: `publisher` property": "likewise",
    "SoftwareApplication id": "no program has an address of its own, and none is invented",
}


@pytest.fixture(scope="session")
def validator():
    """The Python of an environment with the validator."""
    if sys.version_info < (3, 11):
        pytest.skip("some packages of the validator need Python 3.11")
    key = sha256_file(PINS)[:12]
    name = f"jamcam-test-roc-validator-{os.getuid()}-{sys.version_info.minor}-{key}"
    folder = Path(tempfile.gettempdir(), name)
    if not folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=f"{name}-"))  # somebody else may make it, too
        venv.create(aside, with_pip=True)
        command = [aside / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "-r", PINS]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if NO_INDEX.search(answer.stderr):
            pytest.skip("no package index can be reached from here, and the validator is not at hand")
        assert answer.returncode == 0, answer.stderr
        with contextlib.suppress(OSError):
            aside.rename(folder)
    assert folder.stat().st_uid == os.getuid(), f"{folder} belongs to somebody else"
    return folder / "bin" / "python"


@pytest.fixture(scope="session", params=[(), ("weights", "data")], ids=["alone", "with weights and data"])
def judged(request, validator, finished_workspace, tmp_path_factory):
    """What the validator says of the crate of a finished workspace."""
    folder = tmp_path_factory.mktemp("profile")
    packed(finished_workspace, folder / "run.zip", wanted=request.param, licence="MIT")
    # A proxy that is not there: whatever asks a network fails.
    names = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    command = [validator, PROGRAM, folder / "run.zip", folder / "cache"]
    answer = subprocess.run(command, env=names, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.system
@pytest.mark.slow
def test_every_required_check_passes(judged):
    assert judged["REQUIRED"]["failed"] == {}
    assert judged["REQUIRED"]["passed"] > 50


@pytest.mark.system
@pytest.mark.slow
def test_every_recommended_check_passes_but_those_that_make_no_sense_here(judged):
    assert {*judged["RECOMMENDED"]["failed"]} == {*NOT_HERE}, judged["RECOMMENDED"]["failed"]
