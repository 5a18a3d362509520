"""Which process a stage runs in, and what is said when that process is killed or asked to end."""

import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from harness.process.identity import start_time
from harness.stages.scheduling import WORKERS
from harness.stages.workflow import KINDS, needed
from tests.waiting import until


def engine_of(run, path):
    """The number of the fake engine, as soon as it hangs."""
    return int(until(lambda: path.exists() and path.read_text(), process=run))


def parent_of(pid):
    return int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])


@pytest.fixture
def hanging(done, tmp_path):
    """Starts a run whose engine hangs in a task; (run, pid of the engine, pid of its parent)."""
    runs = []

    def start(stage, task):
        (done.workspace / ".markers" / f"{stage}.json").unlink()
        run = done.start(stage, FAKE_YOLO_V4=f"{task}=hang", FAKE_YOLO_V4_PID=str(tmp_path / "pid"))
        runs.append(run)
        engine = engine_of(run, tmp_path / "pid")
        return run, engine, parent_of(engine)

    yield start
    for run in runs:
        run.kill()
        run.communicate()


def test_a_stage_that_runs_beside_the_next_one_has_a_process_and_no_other_has(hanging):
    run, _, worker = hanging("tune-bdb", "kmeans")

    assert parent_of(worker) == run.pid
    assert [name for name, kind in KINDS.items() if kind.beside_next] == ["tune-bdb"]


def test_other_stages_run_in_the_process_of_the_run(hanging):
    run, _, worker = hanging("export", "export")

    assert worker == run.pid


def test_stages_side_by_side_do_not_need_each_other_and_there_are_workers_for_them():
    for name, kind in KINDS.items():
        after = [*KINDS][[*KINDS].index(name) + 1 :]
        if kind.beside_next:
            assert name not in needed([after[0]])
            assert WORKERS == 2


def test_a_stage_whose_process_is_killed_is_reported_with_its_log_and_leaves_no_engine(hanging):
    run, engine, worker = hanging("tune-bdb", "kmeans")

    os.kill(worker, signal.SIGKILL)
    printed, _ = run.communicate(timeout=30)

    assert run.returncode == 1
    assert "jamcam: tune-bdb ended without a word; it may have been killed" in printed
    assert re.search(r"try: read \S+/\.attempts/tune-bdb/\S+/console\.log", printed)
    until(lambda: start_time(engine) is None)


def test_a_run_asks_no_scheduler_at_a_port_that_luigi_is_told_of(done, tmp_path):
    (done.workspace / ".markers" / "export.json").unlink()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = f"[core]\ndefault-scheduler-url = http://127.0.0.1:{port}\ndefault-scheduler-port = {port}\n"
        (tmp_path / "luigi.cfg").write_text(told)
        done("export", LUIGI_CONFIG_PATH=str(tmp_path / "luigi.cfg"))

        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(("stage", "task"), [("tune-bdb", "kmeans"), ("export", "export")])
def test_a_signal_to_the_run_alone_interrupts_the_stage_wherever_it_runs(hanging, done, stage, task):
    run, engine, _ = hanging(stage, task)

    run.send_signal(signal.SIGTERM)
    printed, _ = run.communicate(timeout=30)

    assert run.returncode == 143, printed
    until(lambda: start_time(engine) is None)
    newest = max((done.workspace / ".attempts" / stage).iterdir())
    assert json.loads((newest / "outcome.json").read_text())["status"] == "interrupted"
    assert not (done.workspace / ".lock").exists()
