"""A laptop that is closed and opened again: everything of ours stands still for a while, and goes on."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.system.submitter import CHECKOUT, FAKES
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.system]


def test_a_run_that_slept_goes_on_and_meanwhile_says_how_it_would(with_data, run):
    one = run()
    options = ["--recipe=smoke", "--engine=here", f"--workspace={one.workspace}"]
    command = [sys.executable, "-m", "harness", "train", *options]
    names = {**os.environ, "PATH": f"{FAKES}{os.pathsep}{os.environ['PATH']}", "FAKE_YOLO_V4": "train=slow"}
    where = {"cwd": CHECKOUT, "env": names, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    sleeper = subprocess.Popen(command, text=True, **where)
    until(lambda: (one.workspace / ".lock.train").exists(), 100)
    ours = [psutil.Process(sleeper.pid), *psutil.Process(sleeper.pid).children(recursive=True)]
    for process in ours:
        process.suspend()

    other = subprocess.run(command, text=True, check=False, **where)
    assert other.returncode == 4
    assert f"  try: it is stopped, as by Ctrl-Z: let it go on with kill -CONT {sleeper.pid}" in other.stdout
    for process in ours:
        process.resume()
    printed = sleeper.communicate(timeout=200)[0]
    assert sleeper.returncode == 0, printed
    assert "train" in one.done()


def test_a_command_that_slept_while_its_job_ended_says_how_it_ended(run):
    one = run().start(misbehave="train=slow")
    one.sees("Epoch 1/2")
    one.process.send_signal(signal.SIGSTOP)
    until(lambda: one.cluster.state(one.job()) == "COMPLETED", 200)
    time.sleep(1)
    one.process.send_signal(signal.SIGCONT)

    assert one.end() == 0
    assert "Traceback" not in one.printed
    assert one.outcomes[-1]["state"] == "COMPLETED"
    assert "Epoch 2/2" in one.printed
