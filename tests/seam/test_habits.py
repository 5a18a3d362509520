"""Habits of NVIDIA's program that must not be taken for success, shown by a stand-in."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("version", ["3.21.11", "5.0.0"])
def test_a_training_that_broke_off_at_a_bad_loss_is_not_done_although_it_ends_well(
    stand_in_with_a_habit, version
):
    bad = stand_in_with_a_habit(version, "nan")
    ended = bad.jamcam("train")
    assert ended.returncode == 1
    assert "expected a checkpoint of epoch 2 in the end, found checkpoints of epochs: 1" in ended.stderr
    assert not (bad.workspace / ".markers" / "train.json").exists()


@pytest.mark.parametrize("version", ["3.21.11", "5.0.0"])
def test_an_engine_that_somebody_interrupts_ends_well_and_is_not_believed(stand_in_with_a_habit, version):
    waiting = stand_in_with_a_habit(version, "wait")
    command = [sys.executable, "-m", "harness", "train", "--recipe=smoke", f"--workspace={waiting.workspace}"]
    with subprocess.Popen(
        [*command, *waiting.options],
        env={**os.environ, **waiting.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if "saving model to" in line:
                break
        (engine,) = engines(waiting.workspace)
        os.kill(engine, signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == 1
    assert not (waiting.workspace / ".markers" / "train.json").exists()


def test_a_run_that_is_ended_takes_the_engine_in_the_image_with_it(stand_in_with_a_habit):
    waiting = stand_in_with_a_habit("5.0.0", "wait")
    command = [sys.executable, "-m", "harness", "train", "--recipe=smoke", f"--workspace={waiting.workspace}"]
    with subprocess.Popen(
        [*command, *waiting.options],
        env={**os.environ, **waiting.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if "saving model to" in line:
                break
        (engine,) = engines(waiting.workspace)
        process.terminate()
        process.stdout.read()
    assert process.returncode == 128 + signal.SIGTERM
    until(lambda: not Path("/proc", str(engine)).exists())
    assert not engines(waiting.workspace)


def engines(workspace):
    """Numbers of the processes of yolo_v4 that train in this workspace."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - numbers of processes
        try:
            words = Path("/proc", name, "cmdline").read_text().split("\0") if name.isdigit() else []
        except OSError:
            continue
        if (
            "train" in words
            and any(str(workspace) in word for word in words)
            and words[1].endswith("/tao/yolo_v4")
        ):
            found.append(int(name))
    return found
