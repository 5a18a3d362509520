"""`python -m made_frames` as the harness starts it."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from made_frames.__main__ import main
from made_frames.archive import make_frames
from tests.waiting import until


@pytest.fixture
def start(checkout):
    """Starts the program, leading a group of its own as under the harness."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "made_frames", *map(str, arguments)]
        process = subprocess.Popen(
            command, cwd=checkout, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def workers(process):
    """Its worker processes, once they draw."""

    def drawing():
        found = [
            child
            for child in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        return found if len(found) == 2 and all(child.cpu_times().user > 0.3 for child in found) else None

    return until(drawing, process=process, every_s=0.05)


@pytest.mark.parametrize("frames", ["0", "-3"])
def test_a_number_of_frames_below_one_is_a_usage_error(frames, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "made.zip"), f"--frames={frames}"])
    assert ended.value.code == 2
    assert f"--frames is {frames}, expected 1 or more" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(start, tmp_path):
    (tmp_path / "file").touch()
    process = start(tmp_path / "file" / "made.zip", "--frames=1")
    assert process.wait(timeout=30) == 1
    said = process.stderr.read()
    assert said.startswith(f"error: cannot write {tmp_path}/file/made.zip: ")
    assert "\n  try: make room, or another folder\n" in said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_of_it_ends_all_of_it_and_leaves_nothing(number, start, tmp_path):
    process = start(tmp_path / "made.zip", "--frames=900")
    children = workers(process)
    os.killpg(process.pid, number)
    assert process.wait(timeout=60) == 128 + number
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert list(tmp_path.iterdir()) == []
    assert process.stderr.read() == f"interrupted: nothing was left at {tmp_path}/made.zip\n"


@pytest.mark.slow
def test_its_workers_do_not_outlive_it(start, tmp_path):
    process = start(tmp_path / "made.zip", "--frames=900")
    children = workers(process)
    process.kill()
    assert psutil.wait_procs(children, timeout=60)[1] == []


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_in_words(start, tmp_path):
    process = start(tmp_path / "made.zip", "--frames=900")
    for child in workers(process):
        child.kill()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == (
        "error: a process that draws frames was killed, as it is where memory runs out\n"
        "  try: end other programs, then the same command\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_workers_are_born_deaf_to_signals_and_the_parent_is_not(monkeypatch):
    seen = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, *given):
            super().__init__(1)

        def map(self, *given, **options):
            seen.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
            return iter(())

    monkeypatch.setattr("made_frames.archive.ProcessPoolExecutor", Pool)
    list(make_frames(1, 4))

    assert seen == [{signal.SIGINT, signal.SIGTERM}]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGTERM}
