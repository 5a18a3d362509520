"""A real Slurm with what is odd about sites: wrappers, late accounting, odd names of jobs, a full home."""

import contextlib
import os
import re
import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.system]

BANNER = "Welcome to rehearsal. Quota: 91 % | full soon"
LATE_CALLS = 2  # in which accounting has not heard of a job yet


@pytest.fixture
def full_home(tmp_path):
    """A home folder in which not a byte can be written."""
    home = tmp_path / "home"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(home)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system, and not on every machine")
    try:
        with (home / "full").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            stream.write(bytes(1 << 20))
        assert shutil.disk_usage(home).free == 0
        yield home
    finally:
        subprocess.run(["umount", str(home)], check=True)


@pytest.fixture
def wrappers(tmp_path):
    """A folder for PATH: squeue prints a line of its own and hides what has ended, and sacct is late."""
    folder = tmp_path / "wrappers"
    folder.mkdir()
    calls = f"echo call >> {folder}/calls; [ $(wc -l < {folder}/calls) -le {LATE_CALLS} ] ||"
    bodies = {
        "squeue": f"echo '{BANNER}'; {shutil.which('squeue')} \"$@\" | sed '/|CANCELLED|/d'",
        "sacct": f'{calls} {shutil.which("sacct")} "$@"',
    }
    for name, body in bodies.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def broken_name(accounting_cluster):
    """Another job of the same user, whose name has a line break."""
    words = ["--parsable", "--hold", "--account=proj", "--job-name=a\nb", "--output=/dev/null"]
    job = accounting_cluster.ask("sbatch", *words, "--wrap", "true")
    assert job
    yield job
    accounting_cluster.ask("scancel", job)


def test_a_job_is_waited_for_to_its_end_and_goes_on(
    run, accounting_cluster, full_home, wrappers, broken_name
):
    one = run(on=accounting_cluster, environment={"HOME": str(full_home), "XDG_CACHE_HOME": ""})
    one.path = f"{wrappers}{os.pathsep}{one.path}"
    site = {"account": "proj", "qos": "normal"}
    one.start(misbehave="train=hang-after-1", **site)
    one.sees("Epoch 1/2")
    (job,) = re.findall(r"submitted job (\d+)", one.printed)
    assert "|a\nb|" in accounting_cluster.ask("squeue", "-h", "-o", "%F|%K|%T|%j|%r")
    accounting_cluster.ask("scancel", job)

    assert one.end(240) == 1
    assert f"job {job} ended as CANCELLED: somebody cancelled it" in one.printed
    assert one.printed.count(f"passing over a line of squeue that is no row: '{BANNER}'") == 1
    assert len((wrappers / "calls").read_text().splitlines()) == LATE_CALLS + 1

    assert one.start(**site).end(240) == 0
    assert "goes on after epoch 1 of the try" in one.printed
    assert one.printed.count("submitted job ") == 2
    assert "Traceback" not in one.printed
    # matplotlib, which draws the learning curve, tries to keep a list of fonts.
    left = [path.name for path in full_home.rglob("*") if path.is_file() and "matplotlib" not in path.parts]
    assert left == ["full"]
