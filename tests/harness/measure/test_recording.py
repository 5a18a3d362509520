"""Records while they are made, killed at random moments: what was said to be finished is there."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness.measure.record import Measurement, Record
from harness.measure.record_files import read_phases, read_records
from harness.measure.recording import Recording, Work
from probe.samples import read_samples

EMPTY = {
    "status": "truncated",
    "finished_utc": None,
    "started_utc": "",
    "conditions": {},
    "machine": None,
    "code": None,
}
KILLS = int(os.environ.get("RECORDING_KILLS", "4"))  # 50 for a figure to report
SCRIPT = """
import sys, time
from harness.measure.record import Measurement, Record
from harness.measure.recording import Recording, Work
from harness.settings.load import load_settings

settings = load_settings({"recipe": "smoke", "results": sys.argv[1], "host_hz": "20"}, {})
empty = dict(status="truncated", finished_utc=None, started_utc="", conditions={}, machine=None, code=None)


def work():
    time.sleep(0.15)
    phase = {"phase": "epoch", "started_unix_s": time.time(), "duration_s": 0.1}
    return Work(measurements=(Measurement(name="command_s", values=(0.1,)),), phases=(phase,), images=4)


while True:
    record = Record(id="", bench="b", platform="local", case="train", environment={}, **empty)
    recording = Recording.begin(record, settings)
    for probed in (True, False, True):
        run = recording.measure(work, probed=probed)
        print(recording.record.id, run.number, flush=True)
    print(recording.close().id, "closed", flush=True)
"""


def test_a_case_is_repeated_until_it_can_be_watched(tmp_path, settings, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    record = Record(id="", bench="b", platform="local", case="export", environment={}, **EMPTY)
    recording = Recording.begin(record, settings(results=str(tmp_path)))
    times = iter(range(1, 100))

    def work():
        now_s[0] += 0.11
        number = next(times)
        measured = Measurement(name="command_s", values=(float(number),))
        phase = {"phase": "export", "started_unix_s": time.time(), "duration_s": 0.1}
        return Work(measurements=(measured,), phases=(phase,), images=4, warm_up_steps=2)

    once = recording.measure(work, probed=False)
    run = recording.measure(work, probed=False, least_s=0.3)

    assert (once.images, recording.record.values("command_s")[0]) == (4, 1.0)
    assert run.duration_s == 0.33
    assert run.measurements == (Measurement(name="command_s", values=(2.0, 3.0, 4.0)),)
    assert (run.images, run.warm_up_steps) == (12, 6)
    assert [one["run"] for one in read_phases(recording.folder)] == [1, 2, 2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_any_moment_every_run_that_was_finished_is_there(tmp_path, checkout, seed):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=checkout, stdout=subprocess.PIPE, text=True
    )
    told = [process.stdout.readline().split()]
    time.sleep(random.Random(seed).uniform(0.0, 4.0))
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.Error):
            child.kill()
    process.send_signal(signal.SIGKILL)
    told += [line.split() for line in process.communicate()[0].splitlines()]

    records, strangers = read_records(tmp_path)
    assert strangers == ()
    by_id = {record.id: record for record in records}
    for name, what in told:
        record = by_id[name]
        if what == "closed":
            assert (record.status, len(record.runs)) == ("ok", 3)
        else:
            assert {int(what)} <= {run.number for run in record.runs}
            assert {int(what)} <= {phase["run"] for phase in read_phases(tmp_path / "local" / name)}
    assert [record.status for record in records].count("truncated") <= 1
    for record in records:
        read_samples(tmp_path / "local" / record.id)  # whole lines of numbers, wherever the file ends
