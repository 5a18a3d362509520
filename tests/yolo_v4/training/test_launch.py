"""Several training processes of one command: what one of them, or the command itself, does to the others."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from yolo_v4.errors import TrainingFailed
from yolo_v4.training.launch import launch

pytestmark = pytest.mark.slow  # every process imports torch
LONG = "num_epochs: 5000 checkpoint_interval: 5000 batch_size_per_gpu: 2"
LAUNCH = "import sys; from yolo_v4.training.launch import launch; launch(sys.argv[1:], 2)"


@pytest.fixture(autouse=True)
def one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def launched(write_spec: Callable[..., Path], tmp_path: Path) -> "subprocess.Popen[str]":
    """A command that trains for long in two processes, and is in its second epoch."""
    spec = write_spec(training=LONG)
    command = [sys.executable, "-c", LAUNCH, "train", "-e", str(spec), "-r", str(tmp_path / "run")]
    launched = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert launched.stdout
    assert any("Epoch 2/" in line for line in launched.stdout)
    return launched


def test_where_one_process_fails_the_run_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingFailed, match="one of 2 processes failed, as it says above"):
        launch(["train", "-e", str(tmp_path / "none.txt"), "-r", str(tmp_path / "run")], 2)

    assert "cannot read the spec file" in capfd.readouterr().err


def test_a_process_that_a_signal_took_is_told_with_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yolo_v4").mkdir()
    (tmp_path / "yolo_v4" / "__init__.py").touch()
    (tmp_path / "yolo_v4" / "__main__.py").write_text(
        "import os, signal, sys\n"
        "other = open('other', 'w' if os.environ['RANK'] == '1' else 'r')\n"
        "if os.environ['RANK'] == '1': os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.exit(len(other.read()) + 1)  # as one that has lost another: at its end, not before\n"
    )
    os.mkfifo(tmp_path / "other")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TrainingFailed, match="process 1 of 2 was ended by signal 9") as caught:
        launch(["train"], 2)

    assert "batch_size_per_gpu" in caught.value.remedy


def test_the_others_of_one_that_fails_alone_tell_no_traceback(
    write_spec: Callable[..., Path], street: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first one validates while the other one waits for its next gradients."""
    damaged = shutil.copytree(street, tmp_path / "damaged")
    picture = damaged / "images" / "frame_3.png"
    picture.write_bytes(picture.read_bytes()[:300])
    training = "num_epochs: 2 checkpoint_interval: 1 batch_size_per_gpu: 2"
    spec = write_spec(training=training, judged=str(damaged))

    with pytest.raises(TrainingFailed, match="one of 2 processes failed"):
        launch(["train", "-e", str(spec), "-r", str(tmp_path / "run")], 2)

    said = capfd.readouterr().err
    assert "frame_3.png cannot be decoded" in said
    assert "Traceback" not in said
    assert "gloo" not in said + (tmp_path / "run" / "status.json").read_text()


def test_where_one_is_killed_the_others_tell_no_traceback(launched: "subprocess.Popen[str]") -> None:
    for child in psutil.Process(launched.pid).children():
        if child.environ()["RANK"] == "1":
            child.kill()

    _, said = launched.communicate(timeout=60)

    assert "process 1 of 2 was ended by signal 9, so training stopped" in said
    assert said.count("Traceback") == 1  # of the program of this test, which prints no error of ours
    assert "gloo" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process that its parent has ended")
def test_where_the_command_is_killed_its_processes_end(launched: "subprocess.Popen[str]") -> None:
    children = psutil.Process(launched.pid).children()
    assert len(children) == 2

    launched.kill()

    launched.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


@pytest.mark.parametrize("rank", [0, 1])
def test_one_that_waits_for_the_others_says_so_and_hears_a_signal_to_end(
    rank: int, write_spec: Callable[..., Path], tmp_path: Path, free_port: int
) -> None:
    program = (
        "import sys; from yolo_v4.training import distributed; distributed.SILENT_S = 0.0\n"
        "from yolo_v4.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port), "WORLD_SIZE": "2"}
    waiting = subprocess.Popen(
        [sys.executable, "-c", program, "train", "-e", str(write_spec()), "-r", str(tmp_path / "run")],
        env={**os.environ, **meeting, "RANK": str(rank)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr
    missing = "process 1 of 2 (counted from 0)" if rank == 0 else "the first process"
    assert waiting.stderr.readline() == f"waiting for {missing} at 127.0.0.1:{free_port}\n"

    started_s = time.monotonic()
    waiting.send_signal(signal.SIGTERM)

    assert waiting.communicate(timeout=60)[1] == "Command was interrupted.\n"
    assert waiting.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - started_s < 20
    if rank == 0:
        assert "Training was interrupted." in (tmp_path / "run" / "status.json").read_text()
