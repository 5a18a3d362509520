import os
import signal
import subprocess
import sys

import pytest

from harness.process.identity import end, is_running, start_time


@pytest.fixture
def sleeper():
    processes = []

    def start(program="import time; time.sleep(60)", **options):
        process = subprocess.Popen(
            [sys.executable, "-c", f"print(flush=True); {program}"], stdout=subprocess.PIPE, **options
        )
        processes.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_process_is_known_by_number_and_start(sleeper):
    process = sleeper()
    started = start_time(process.pid)

    assert is_running(process.pid, started)
    assert not is_running(process.pid, "another start")


def test_a_process_that_ended_but_was_not_collected_is_gone(sleeper):
    process = sleeper("")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert start_time(process.pid) is None


def test_a_process_is_asked_to_end(sleeper):
    process = sleeper(start_new_session=True)

    end(process.pid, start_time(process.pid))

    assert process.wait(60) == -signal.SIGTERM


def test_a_process_that_ends_just_before_it_is_asked_is_no_error(sleeper, monkeypatch):
    process = sleeper("")
    process.wait(60)
    monkeypatch.setattr("harness.process.identity.is_running", lambda pid, started: True)

    end(process.pid, "then", grace_s=0.1)


def test_one_that_does_not_listen_is_killed(sleeper):
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = sleeper(program, start_new_session=True)
    process.stdout.readline()

    end(process.pid, start_time(process.pid), grace_s=0.1)

    assert process.wait(60) == -signal.SIGKILL


def test_another_process_of_the_same_number_is_left_alone(sleeper):
    process = sleeper()

    end(process.pid, "another start", grace_s=0.1)

    assert process.poll() is None
