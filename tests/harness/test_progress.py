import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from harness.progress import Progress

PROGRAM = (
    "from harness.progress import Progress\n"
    "with Progress('frames.zip', 4_000_000, unit='B', say=print) as progress:\n"
    "    [progress.advance(1_000_000) for _ in range(4)]\n"
)


def test_a_log_gets_amount_rate_and_time_left():
    progress = Progress("frames.zip", 50_000_000, unit="B", say=print, start=10_000_000)
    progress.advance(10_000_000)

    assert re.fullmatch(r"frames\.zip: 40 % of 50\.0 MB, \d+\.\d MB/s, \d+ s left", progress.line())


def test_an_unknown_total_is_left_out():
    progress = Progress("looking", None, unit="frames", say=print)
    progress.advance(12)

    assert re.fullmatch(r"looking: 12 frames, \d+ frames/s", progress.line())


def test_a_quick_step_leaves_no_line_in_a_log():
    said = []
    with Progress("quick", 3, unit="frames", say=said.append) as progress:
        progress.advance(3)

    assert said == []


def test_a_terminal_gets_a_bar_with_rate_and_time_left():
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # rows, columns
    subprocess.run(
        [sys.executable, "-c", PROGRAM], stderr=theirs, cwd=Path(__file__).resolve().parents[3], check=True
    )
    shown = os.read(ours, 100_000).decode()
    os.close(theirs)
    os.close(ours)

    assert re.search(r"frames\.zip:   0%\|.*\| 0\.00/4\.00M \[00:00<\?", shown)
