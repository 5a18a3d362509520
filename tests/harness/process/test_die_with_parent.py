import subprocess
import sys
import time

import pytest

from harness.process import die_with_parent
from harness.process.identity import is_running, start_time

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")


def test_the_program_dies_when_its_parent_is_killed():
    # The parent starts the program through it, tells its number, and waits to be killed.
    program = (
        "import os, subprocess, sys, time;"
        f"child = subprocess.Popen([sys.executable, {die_with_parent.__file__!r}, str(os.getpid()), 'sleep', '60']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    started = start_time(child)
    time.sleep(0.3)  # until the signal is set

    parent.kill()
    parent.communicate()

    deadline = time.monotonic() + 5
    while is_running(child, started) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child, started)


def test_a_program_whose_parent_is_gone_already_does_not_start():
    command = [sys.executable, die_with_parent.__file__, "1", "echo", "started"]

    finished = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stdout) == (137, "")


@pytest.fixture
def forgetful(tmp_path):
    """Makes a program by the name of apptainer, whose death signal the kernel forgets."""

    def make(script):
        program = tmp_path / "apptainer"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return str(program)

    return make


def test_what_a_container_runtime_started_dies_with_our_parent_too(forgetful, tmp_path):
    runtime = forgetful(f"sleep 61 & echo $! > '{tmp_path}/aside'; mv '{tmp_path}/aside' '{tmp_path}/number'; wait")
    program = (
        "import os, subprocess, sys, time;"
        f"words = [sys.executable, {die_with_parent.__file__!r}, str(os.getpid()), {runtime!r}];"
        "subprocess.Popen(words, start_new_session=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 30
    while not (tmp_path / "number").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    inside = int((tmp_path / "number").read_text())
    started = start_time(inside)

    parent.kill()
    parent.wait()

    while is_running(inside, started) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(inside, started)


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -KILL $$", 137), ("exit 0", 0)])
def test_the_exit_status_of_a_container_runtime_comes_back(forgetful, script, status):
    words = (
        f"import os, subprocess, sys; "
        f"sys.exit(subprocess.call([sys.executable, {die_with_parent.__file__!r}, str(os.getpid()), "
    )
    assert subprocess.call([sys.executable, "-c", f"{words}{forgetful(script)!r}]))"]) == status
