"""Several training processes on one machine, on CPUs by gloo."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from yolo_v4.errors import TrainingFailed
from yolo_v4.network.checkpoint import load_checkpoint
from yolo_v4.training import distributed
from yolo_v4.training.distributed import is_member, joined, told_place
from yolo_v4.training.launch import launch

pytestmark = pytest.mark.slow  # every process imports torch


@pytest.fixture(autouse=True)
def one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def be_member(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Tells this process that it is the first of two, but for the variables that are given."""

    def be_member(**told: str) -> None:
        usual = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        for name, value in (usual | told).items():
            monkeypatch.setenv(name, value)

    return be_member


def test_two_processes_train_one_network_with_twice_the_learning_rate(
    write_spec: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = write_spec(training="num_epochs: 2 checkpoint_interval: 1 batch_size_per_gpu: 2")
    for run in ("first", "again"):
        launch(["train", "-e", str(spec), "-r", str(tmp_path / run)], 2)

    assert (
        "6 frames to train on, 6 to validate with, on the CPU (1 threads), 2 processes\n"
        in capfd.readouterr().out
    )
    name = "weights/yolov4_resnet10_epoch_002.pt"
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    # After the first of two epochs the cosine has come from 0.2 to 0.5 of the run: a share of (1 + cos(0.3
    # pi)) / 2.
    share = 0.7938926261462366
    assert load_checkpoint(tmp_path / "first" / name).history[0]["lr"] == pytest.approx(
        2 * (1e-5 + (1e-3 - 1e-5) * share), rel=1e-6
    )


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are named in Linux' /proc")
def test_no_thread_of_gloo_outlives_the_training(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does aborts the process now and then while its interpreter ends (CI: signal 6, after all)."""
    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "sitecustomize.py").write_text(
        "import atexit, os, pathlib\n"
        "def tell():\n"
        "    names = [task.read_text() for task in pathlib.Path('/proc/self/task').glob('*/comm')]\n"
        "    pathlib.Path(__file__).with_name('rank' + os.environ['RANK']).write_text(''.join(names))\n"
        "if 'RANK' in os.environ: atexit.register(tell)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'told'}:{os.environ.get('PYTHONPATH', '')}")
    spec = write_spec(training="num_epochs: 1 batch_size_per_gpu: 2")

    launch(["train", "-e", str(spec), "-r", str(tmp_path / "run")], 2)

    for rank in (0, 1):
        assert "gloo" not in (tmp_path / "told" / f"rank{rank}").read_text()


def test_a_rank_without_an_address_to_meet_at_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.setenv(name, "1")
    assert not is_member()

    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    assert is_member()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RANK", "abc", "a number from 0 to 1"),
        ("RANK", "2", "a number from 0 to 1"),
        ("WORLD_SIZE", "0", "a number from 1 to 1048575"),
        ("LOCAL_RANK", "-1", "a number from 0 to 1"),
        ("MASTER_PORT", "zzz", "a number from 1 to 65535"),
    ],
)
def test_a_variable_that_is_no_such_number_is_told(
    name: str, value: str, expected: str, be_member: Callable[..., None]
) -> None:
    be_member(**{"RANK": "1", "MASTER_PORT": "29500", name: value})

    with pytest.raises(TrainingFailed) as caught, joined(told_place(), torch.device("cpu")):
        pass

    assert caught.value.message == f'{name} in the environment is "{value}", expected {expected}'
    assert caught.value.remedy == (
        "start the processes by torchrun, which sets it; "
        "for one alone unset RANK WORLD_SIZE MASTER_ADDR MASTER_PORT"
    )


def test_a_port_that_is_taken_is_told(be_member: Callable[..., None]) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        be_member(MASTER_PORT=str(port))

        with pytest.raises(TrainingFailed) as caught, joined(told_place(), torch.device("cpu")):
            pass

    assert caught.value.message.startswith(f"the processes cannot meet at 127.0.0.1:{port}: ")
    assert caught.value.remedy.endswith("where MASTER_PORT was chosen by hand, choose one that is free")


def test_one_that_waits_in_vain_says_for_whom(
    monkeypatch: pytest.MonkeyPatch, be_member: Callable[..., None], free_port: int
) -> None:
    monkeypatch.setattr(distributed, "MEETING_S", 0.0)
    be_member(WORLD_SIZE="3", MASTER_PORT=str(free_port))

    with pytest.raises(TrainingFailed) as caught, joined(told_place(), torch.device("cpu")):
        pass

    assert caught.value.message == (
        f"waited 0 minutes in vain for process 1, 2 of 3 (counted from 0) at 127.0.0.1:{free_port}"
    )


def test_what_the_first_process_chose_counts_for_all(free_port: int) -> None:
    program = (
        "import torch; from yolo_v4.training.distributed import joined, of_first, told_place\n"
        "cpu = torch.device('cpu')\n"
        "place = told_place()\n"
        "with joined(place, cpu): print(of_first(7 + place.rank, cpu))"
    )
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port), "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, **meeting, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]

    assert [process.communicate(timeout=120)[0] for process in started] == ["7\n", "7\n"]
