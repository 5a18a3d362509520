import os
import subprocess
import sys
import time

import psutil
import pytest

from probe import host
from probe.host import METRICS, Host
from tests.waiting import until


def value(machine, key):
    (metric,) = (metric for metric in METRICS if metric.key == key)
    return metric.read(machine)


@pytest.fixture
def worker():
    """A child that holds 50 MB and computes."""
    process = subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 50_000_000\nprint(1, flush=True)\nwhile 1: pass"]
    )
    yield process
    process.kill()
    process.wait()


def test_a_process_and_its_children_are_one_tree(worker):
    machine = Host(os.getpid(), frozenset())
    grown = psutil.Process().memory_info().rss + 50e6

    def is_seen():
        machine.look()
        return value(machine, "tree_rss_bytes") >= grown and value(machine, "tree_cpu_pct")

    until(is_seen, every_s=0.1)
    assert machine.owns(worker.pid)
    assert 0 < value(machine, "tree_cpu_pct") <= 105  # the kernel counts in hundredths of a second
    assert value(machine, "tree_uss_bytes") > 50e6


def test_a_child_that_began_after_the_first_look_counts_at_the_next():
    machine = Host(os.getpid(), frozenset())
    machine.look()
    late = subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 200_000_000\nprint(flush=True)\nwhile 1: pass"],
        stdout=subprocess.PIPE,
    )
    try:
        late.stdout.readline()
        machine.look()
        assert value(machine, "tree_rss_bytes") > 200e6
    finally:
        late.kill()
        late.communicate()


def test_a_process_is_ours_from_its_first_moment_and_looked_up_when_that_is_asked(worker):
    machine = Host(os.getpid(), frozenset())  # no look at all
    inner = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", inner], stdout=subprocess.PIPE, text=True) as parent:
        grandchild = int(parent.stdout.readline())
        try:
            assert machine.owns(worker.pid) is True
            assert machine.owns(grandchild) is True
            assert machine.owns(os.getppid()) is False
            assert machine.owns(1) is False
            machine.look()
        finally:
            parent.kill()
            parent.wait()
        assert machine.owns(grandchild) is True  # it has lost its parent
        os.kill(grandchild, 9)


def test_of_a_number_without_a_process_nobody_is_the_owner():
    machine = Host(os.getpid(), frozenset())
    ended = subprocess.Popen(["sleep", "60"])
    machine.look()
    assert machine.owns(ended.pid) is True
    ended.kill()
    ended.wait()

    assert machine.owns(ended.pid) is None


def test_a_number_that_was_given_again_is_a_stranger(monkeypatch):
    machine = Host(os.getpid(), frozenset())
    with subprocess.Popen(["sleep", "60"]) as first:
        machine.look()
        first.kill()
    # Process 1 under the number of the child that has ended: as after the numbers have gone round.
    monkeypatch.setattr(psutil, "Process", lambda pid, real=psutil.Process: real(1))

    assert machine.owns(first.pid) is False


def test_a_process_that_is_hidden_from_us_is_a_strangers(monkeypatch):
    machine = Host(os.getpid(), frozenset())

    def hidden(pid):
        raise psutil.NoSuchProcess(pid)

    def kill(pid, number):
        raise PermissionError

    monkeypatch.setattr(psutil, "Process", hidden)
    monkeypatch.setattr(os, "kill", kill)

    assert machine.owns(4711) is False


def test_what_a_child_used_counts_although_it_ended_between_two_looks():
    machine = Host(os.getpid(), frozenset())
    before = sum(psutil.cpu_times()[:8])
    machine.look()
    assert value(machine, "tree_cpu_pct") is None  # one look is no span of time
    spend = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", spend], check=True)

    machine.look()

    passed = sum(psutil.cpu_times()[:8]) - before  # no less than between the looks
    # The kernel counts in hundredths of a second.
    assert value(machine, "tree_cpu_pct") >= 100 * (0.5 - 0.02) / (passed + 0.02)


def test_a_process_that_outlived_its_parent_still_counts_and_its_end_is_no_negative_work():
    shell = "$1 -c 'import time\nwhile time.process_time() < 1.5: pass' & sleep 0.4"
    with subprocess.Popen(["bash", "-c", shell, "-", sys.executable]) as parent:
        machine = Host(parent.pid, frozenset())
        shares = []
        for _ in range(25):
            machine.look()
            shares.append(machine.tree_cpu_pct or 0.0)
            time.sleep(0.1)
        parent.wait()
    assert min(shares) >= 0.0
    assert max(shares[6:12]) > 5.0  # after its parent ended


def test_a_process_that_is_none_of_ours_does_not_count(worker):
    machine = Host(os.getpid(), frozenset({worker.pid}))
    machine.look()

    assert value(machine, "tree_rss_bytes") < psutil.Process().memory_info().rss + 25e6


def test_every_metric_says_a_number_or_nothing():
    machine = Host(os.getpid(), frozenset())
    for _ in range(2):
        time.sleep(0.05)
        machine.look()

    values = {metric.key: metric.read(machine) for metric in METRICS}
    assert all(value is None or float(value) >= 0 for key, value in values.items() if key != "clock_jump_s")
    assert {"probe_cpu_total_s", "memory_available_bytes", "load_1min"} <= {
        k for k, v in values.items() if v is not None
    }


def test_energy_of_the_packages_is_added_up_over_the_end_of_the_counter(tmp_path, monkeypatch):
    # Two packages and a part of one, which is in its package already.
    for name, said in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:1", "package-1"),
        ("intel-rapl:2", "psys"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "name").write_text(said + "\n")
        (folder / "max_energy_range_uj").write_text("1000000")
        (folder / "energy_uj").write_text("900000")
    monkeypatch.setattr(host, "RAPL", tmp_path)
    machine = Host(os.getpid(), frozenset())
    assert machine.energy_j() == 0.0

    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("950000")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("100000")  # went round: 200,000 more

    assert machine.energy_j() == pytest.approx(0.25)


def test_where_no_counter_can_be_read_there_is_no_energy(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "RAPL", tmp_path)

    assert Host(os.getpid(), frozenset()).energy_j() is None
