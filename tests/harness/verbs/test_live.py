"""What `status --watch` adds on a terminal: how busy the machine is, and the last lines of the log."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.process.identity import start_time
from harness.verbs.live import Live, utilisation
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, take, this_run
from tests.waiting import until

NAN = float("nan")


def test_the_last_value_that_was_read_is_told():
    columns = {
        "unix_s": [1.0, 2.0],
        "host_cpu_pct": [10.0, 97.4],
        "tree_cpu_pct": [95.0, NAN],
        "tree_rss_bytes": [2.0**30, 2.0**31],
        "gpu0_utilisation_pct": [NAN, 88.0],
        "gpu0_memory_used_bytes": [40 * 2.0**30, NAN],
        "gpu1_power_w": [NAN, NAN],
        "gpu10_power_w": [300.0, 310.0],
    }
    assert utilisation(columns) == (
        "utilisation: CPU 97.4 % (this run 95 %); memory of this run 2 GiB; GPU 0 88 %, 40 GiB; GPU 10 310 W"
    )


def test_what_was_not_read_is_not_0():
    assert utilisation({}) == "utilisation: not recorded yet"
    assert utilisation({"host_cpu_pct": [NAN]}) == "utilisation: not recorded yet"


@pytest.fixture
def room(workspace):
    workspace.mkdir()
    return Workspace(workspace)


def at_work(room, log):
    folder = room.attempts / "train" / "now"
    folder.mkdir(parents=True)
    started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 1))
    (folder / "request.json").write_text(json.dumps({"started_utc": started}))
    (folder / "console.log").write_text(log)


def test_where_nobody_works_there_is_nothing_to_tell(room):
    with Live(room) as live:
        assert live.lines() == []


def test_a_run_on_another_machine_is_told_by_its_last_lines_alone(room):
    take(room, Holder(host="node7", pid=7, started=""))
    at_work(room, "one\ntwo\nthree\nfo\x1b[2Jur\n")
    with Live(room) as live:
        assert live.lines() == [
            "  utilisation: cannot tell, its process is not seen on this machine",
            "  train | two",
            "  train | three",
            r"  train | fo\x1b[2Jur",
        ]


def test_a_run_on_this_machine_is_watched_and_the_probe_ends_with_the_watching(room):
    busy = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        me = this_run()
        names = {name: getattr(me, name) for name in ("host", "boot_id", "pid_namespace", "token")}
        holder = Holder(**names, pid=busy.pid, started=start_time(busy.pid) or "")
        take(room, holder)
        with Live(room) as live:
            told = until(
                lambda: next((line for line in live.lines() if "(this run" in line), ""), every_s=0.5
            )
            probe, folder = live._probe, live._folder.name
        assert "utilisation: CPU " in told
        assert probe.poll() is not None
        assert not Path(folder).exists()
    finally:
        busy.kill()
        busy.wait()
