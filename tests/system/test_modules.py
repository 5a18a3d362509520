"""Modules in jobs, with a real Lmod: a prepare line loads one, and one that fails stops the job."""

import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.system]

PROFILE = Path("/etc/profile.d/lmod.sh")
OF_A_LOGIN_SHELL = ("BASH_ENV", "BASH_FUNC_", "LMOD_", "MODULE")


@pytest.fixture
def modules(tmp_path):
    """A folder of modules, with one in it."""
    if not PROFILE.exists():
        pytest.skip("Lmod is not installed here: apt-get install lmod")
    file = tmp_path / "modules" / "tool" / "1.0.lua"
    file.parent.mkdir(parents=True)
    file.write_text('setenv("TOOL_ROOT", "loaded")\n')
    return tmp_path / "modules"


@pytest.fixture
def login():
    """What a login shell of this machine puts into the environment for modules."""
    shown = subprocess.run(["bash", "-lc", "env -0"], capture_output=True, text=True, check=True).stdout
    words = dict(word.split("=", 1) for word in shown.split("\0") if "=" in word)
    return {name: value for name, value in words.items() if name.startswith(OF_A_LOGIN_SHELL)}


@pytest.mark.parametrize("shell", ["a login shell", "a shell that knows no modules"])
def test_a_prepare_line_loads_a_module_in_a_job(run, modules, login, shell):
    one = run(environment=login if shell == "a login shell" else {})
    loaded = '[ "$TOOL_ROOT" = loaded ]'
    one.start(prepare=["module purge", f"module use {modules}", "module load tool", loaded])

    assert one.end() == 0
    assert "train" in one.done()


def test_a_mistyped_module_stops_the_job_with_the_line_and_lmods_words(run, modules, login):
    one = run(environment=login).start(prepare=[f"module use {modules}", "module load tol"])

    assert one.end() == 1
    what = "nothing was run, since a line of its script failed: module load tol (status 1)"
    assert f"job {one.job()} ended as FAILED: {what}; last lines of" in one.printed
    assert "The following module(s) are unknown" in one.printed
    assert "try: correct prepare in the file of the platform rehearsal, then: jamcam train" in one.printed
    assert "train" not in one.done()
    assert one.jobs() == [(one.job(), "FAILED")]
    assert one.start(prepare=[f"module use {modules}", "module load tool"]).end() == 0
