"""`jamcam status --watch`: on a terminal, in a log, while the workspace changes, and how it ends."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from harness.process.signals import Interrupted
from harness.verbs.watch import watch
from harness.workspace.layout import Workspace
from harness.workspace.marker import forget
from tests.harness.conftest import FAKES
from tests.waiting import PATIENCE_S


def looks(*answers, then):
    """A look that gives each of `answers` once, and then raises."""
    rest = list(answers)

    def look():
        if not rest:
            raise then
        answer = rest.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def test_elsewhere_than_on_a_terminal_only_what_changed_is_told(capsys):
    first = ["header", "train at work for 1.0 s, epoch 1 of 3, about 2 min 05 s left"]
    later = ["header", "train at work for 3.5 s, epoch 1 of 3, about 1 h 03 min left"]
    last = ["header", "train at work for 5.0 s, epoch 2 of 3, about 1 min 00 s left"]

    assert watch(looks(first, later, last, then=Interrupted(signal.SIGINT)), every_s=0) == 0

    told = [line.partition(" ") for line in capsys.readouterr().out.splitlines() if line]
    assert [text for _, _, text in told] == [*first, last[1]]
    assert all(time.strptime(moment, "%H:%M:%S") for moment, _, _ in told)


def test_a_look_that_meets_a_run_tidying_up_is_taken_again(capsys):
    gone = FileNotFoundError(2, "No such file or directory", "x")

    assert watch(looks(["a"], gone, ["b"], then=Interrupted(signal.SIGINT)), every_s=0) == 0

    told = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert told == ["a", "cannot look now: No such file or directory: x", "b", ""]


def test_another_signal_than_that_of_ctrl_c_ends_it_as_a_signal():
    with pytest.raises(Interrupted):
        watch(looks(then=Interrupted(signal.SIGTERM)), every_s=0)


def read_until(file, wanted):
    seen = b""
    while wanted not in seen:
        assert select.select([file], [], [], PATIENCE_S)[0], seen
        seen += os.read(file, 1 << 16)


def start(done, **streams):
    command = [sys.executable, "-m", "harness", "status", "--watch", *done.options()]
    path = f"{FAKES}{os.pathsep}{os.environ['PATH']}"
    names = {**os.environ, "PATH": path, "COLUMNS": "60", "LINES": "30"}
    return subprocess.Popen(command, env=names, **streams)


def test_a_change_of_the_workspace_is_seen_and_ctrl_c_ends_it_well(done):
    before = sorted(done.workspace.rglob("*"))
    process = start(done, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        read_until(process.stdout.fileno(), b"export")
        assert sorted(done.workspace.rglob("*")) == before
        forget(Workspace(done.workspace), "export")
        read_until(process.stdout.fileno(), b"to do")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, rest.strip()) == (0, b"")


@pytest.mark.slow
def test_on_a_terminal_a_run_at_work_is_told_with_its_utilisation_and_the_end_of_its_log(done):
    at_work = done.start("train", "--epochs=3", FAKE_YOLO_V4="train=hang-after-2")
    reader, writer = pty.openpty()
    process = start(done, stdout=writer, stderr=writer)
    os.close(writer)
    try:
        read_until(reader, b"utilisation: CPU ")
        read_until(reader, b"train | Epoch 2/3")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
    finally:
        process.kill()
        at_work.terminate()
        at_work.communicate(timeout=30)
        os.close(reader)

    assert process.returncode == 0


def test_on_a_terminal_lines_are_redrawn_in_place_and_cut_at_its_edge(done):
    reader, writer = pty.openpty()
    process = start(done, stdout=writer, stderr=writer)
    os.close(writer)
    try:
        seen = b""
        while seen.count(b"Ctrl-C") < 2:  # it ends every drawing
            seen += os.read(reader, 1 << 16)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
    finally:
        process.kill()
        os.close(reader)

    assert process.returncode == 0
    first = seen.split(b"\x1b[H")[1]
    assert first.count(b"Ctrl-C") == 1
    drawn = first.split(b"\r\n")
    assert max(len(line.removesuffix(b"\x1b[K")) for line in drawn) == 60
