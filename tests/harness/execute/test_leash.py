import subprocess
import sys
import time

import pytest

from harness.execute import leash
from harness.execute.processes import is_running, start_time

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")


def test_the_program_dies_when_its_parent_is_killed():
    # The parent starts the program on a leash, tells its number, and waits to be killed.
    program = (
        "import os, subprocess, sys, time;"
        f"child = subprocess.Popen([sys.executable, {leash.__file__!r}, str(os.getpid()), 'sleep', '60']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    started = start_time(child)
    time.sleep(0.3)  # until the leash is on

    parent.kill()
    parent.communicate()

    deadline = time.monotonic() + 5
    while is_running(child, started) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child, started)


def test_a_program_whose_parent_is_gone_already_does_not_start():
    command = [sys.executable, leash.__file__, "1", "echo", "started"]

    finished = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stdout) == (137, "")
