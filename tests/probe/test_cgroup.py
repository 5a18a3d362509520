import psutil
import pytest

from probe import cgroup


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A made-up group: `files` by path below the mount, `line` as /proc/self/cgroup has it."""

    def group(line, files):
        (tmp_path / "own").write_text(line + "\n")
        for name, text in files.items():
            (tmp_path / "mount" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "mount" / name).write_text(text + "\n")
        monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
        monkeypatch.setattr(cgroup, "CGROUP", tmp_path / "mount")
        monkeypatch.setattr(psutil, "cpu_count", lambda: 64)
        monkeypatch.setattr(cgroup.os, "sched_getaffinity", lambda pid: range(64), raising=False)

    return group


def test_the_narrowest_limit_of_the_groups_above_holds(group):
    group(
        "0::/slurm/job_1/step_0",
        {
            "slurm/job_1/step_0/cpu.max": "max 100000",
            "slurm/job_1/cpu.max": "400000 100000",
            "slurm/job_1/memory.max": "2000000000",
            "slurm/job_1/step_0/memory.max": "max",
        },
    )

    assert cgroup.cpu_limit() == 4.0
    assert cgroup.memory_limit_bytes() == 2_000_000_000


def test_the_older_interface_is_read_too(group):
    group(
        "4:cpu,cpuacct:/box\n3:memory:/box\n1:name=systemd:/",
        {
            "cpu,cpuacct/box/cpu.cfs_quota_us": "150000",
            "cpu,cpuacct/box/cpu.cfs_period_us": "100000",
            "memory/box/memory.limit_in_bytes": "1000000000",
        },
    )

    assert cgroup.cpu_limit() == 1.5
    assert cgroup.memory_limit_bytes() == 1_000_000_000


def test_without_limits_there_is_none(group):
    group("0::/", {"memory.limit_in_bytes": "9223372036854771712"})

    assert cgroup.cpu_limit() is None
    assert cgroup.memory_limit_bytes() is None


def test_being_kept_to_some_cores_is_a_limit(group, monkeypatch):
    group("0::/", {})
    monkeypatch.setattr(cgroup.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)

    assert cgroup.cpu_limit() == 2.0
