"""The sampler as a program at the side of another one."""

import itertools
import math
import os
import subprocess
import sys
import time

import pytest

from probe.metric import Metric
from probe.sampler import Sensor, sensors
from probe.samples import read_columns


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def spells(times_s, column):
    """(whether there are numbers, when that began) of each stretch of beats that are alike."""
    told = [(value == value, time_s) for time_s, value in zip(times_s, column, strict=True)]
    return [next(beats) for _, beats in itertools.groupby(told, key=lambda beat: beat[0])]


def test_it_says_when_it_is_ready_and_ends_when_its_input_is_closed(start_probe, sleeper, tmp_path):
    sampler = start_probe("sample", str(tmp_path / "new"), str(sleeper.pid), stdin=subprocess.PIPE)
    assert sampler.stdout.readline() == "ready\n"

    out, err = sampler.communicate(timeout=30)

    assert (sampler.returncode, out, err) == (0, "", "")
    assert len(read_columns(tmp_path / "new")["unix_s"]) >= 1


@pytest.mark.parametrize("how", ["gone", "not waited for"])
def test_it_ends_when_what_it_watches_has_ended(start_probe, tmp_path, how):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as watched:
        sampler = start_probe(
            "sample", str(tmp_path), str(watched.pid), "--host-hz=20", stdin=subprocess.DEVNULL
        )
        assert sampler.stdout.readline() == "ready\n"
        watched.stdin.close()
        if how == "gone":
            watched.wait()

        assert sampler.wait(timeout=30) == 0
    assert max(read_columns(tmp_path)["tree_rss_bytes"]) > 0


def test_of_a_process_that_is_not_there_it_says_so(probe, tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()

    answer = probe("sample", str(tmp_path), str(ended.pid), status=2, stdin=subprocess.DEVNULL)

    assert answer.stderr == f"probe: there is no process {ended.pid}\n  try: take a number that `ps` shows\n"


def test_the_process_itself_can_be_left_out(start_probe, tmp_path):
    spend = "x = b'x' * 100_000_000\nprint(1, flush=True)\ninput()"
    watched = subprocess.Popen([sys.executable, "-c", spend], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    watched.stdout.readline()
    sampler = start_probe("sample", str(tmp_path), str(watched.pid), "--children-only", stdin=subprocess.PIPE)
    assert sampler.stdout.readline() == "ready\n"
    sampler.communicate(timeout=30)
    watched.communicate(b"\n")

    on_beats = [value for value in read_columns(tmp_path)["tree_rss_bytes"] if not math.isnan(value)]
    assert {*on_beats} == {0.0}


@pytest.mark.slow
def test_in_every_second_window_it_rests(start_probe, nvml_folder, tmp_path):
    words = ("sample", str(tmp_path), str(os.getpid()), "--window-s=1")
    sampler = start_probe(*words, stdin=subprocess.PIPE, environment={"LD_LIBRARY_PATH": str(nvml_folder)})
    assert sampler.stdout.readline() == "ready\n"
    time.sleep(3.6)
    assert sampler.communicate(timeout=30) == ("", "")

    columns = read_columns(tmp_path)
    working, began_s = zip(*spells(columns["unix_s"], columns["gpu0_power_w"])[:4], strict=True)
    assert working == (True, False, True, False)
    # To the next beat, a tenth of a second apart, or later on a busy machine.
    assert [start_s - began_s[0] for start_s in began_s] == pytest.approx([0, 1, 2, 3], abs=0.5)


def test_what_blocks_is_asked_of_one_gpu_after_the_other():
    slow = Metric("slow_w", "blocks", "a driver", lambda gpu: 1.0, every=10)
    gpus = [sensors(f"gpu{number}_", number, [slow], 1, number) for number in range(8)]
    asked = [
        [one.column for columns in gpus for one in columns if one.value(beat) is not None]
        for beat in range(10)
    ]

    assert asked == [[f"gpu{number}_slow_w"] for number in range(8)] + [[], []]


def test_a_vanished_sensor_is_told_once_and_so_is_its_coming_back(capsys):
    answers = iter([1.0, OSError("unplugged"), OSError("unplugged"), 2.0])

    def ask():
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    sensor = Sensor(column="fan", ask=ask, every=1, offset=0)

    assert [sensor.value(beat) for beat in range(4)] == [1.0, None, None, 2.0]
    assert capsys.readouterr().out == "fan is gone: unplugged\nfan is back\n"
