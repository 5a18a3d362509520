"""A program that we start ends when we are killed, whichever way it is started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.process import die_with_parent
from harness.process.console import BECOME
from harness.process.identity import is_running, start_time
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")

# Starts its arguments bound to itself, tells the number of the child, and waits to be killed, or for the
# child's end.
PARENT = """
import subprocess, sys
from harness.process.console import bound_to_us
child = subprocess.Popen(bound_to_us(sys.argv[1:]), start_new_session=True)
print(child.pid, flush=True)
status = child.wait()
sys.exit(status if status >= 0 else 128 - status)
"""
OTHER_SETPRIV = "#!/bin/sh\necho \"setpriv: unrecognized option '$1'\" >&2\nexit 1\n"


@pytest.fixture(params=["setpriv", "setpriv of another kind", "no setpriv", "exported functions"])
def way(request, tmp_path):
    """(environment, name of the program that starts others in it)."""
    folder, real = tmp_path / "bin", shutil.which("setpriv")
    folder.mkdir()
    for name in ("sleep", "env"):
        (folder / name).symlink_to(shutil.which(name))
    if request.param == "setpriv of another kind":
        (folder / "setpriv").write_text(OTHER_SETPRIV)
        (folder / "setpriv").chmod(0o755)
    elif request.param != "no setpriv":
        if real is None:
            pytest.skip("no setpriv on this machine")
        (folder / "setpriv").symlink_to(real)
    functions = {"BASH_FUNC_module%%": "() { :; }"} if request.param == "exported functions" else {}
    return {
        **os.environ,
        **functions,
        "PATH": str(folder),
    }, "setpriv" if request.param == "setpriv" else "python"


@pytest.fixture
def start(checkout):
    """Starts a program bound to a parent; that parent."""

    def start(environment, *words):
        return subprocess.Popen(
            [sys.executable, "-c", PARENT, *words],
            cwd=checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture
def end_of(start):
    """Runs a program bound to a parent to its end; (exit status, lines that it printed)."""

    def run(environment, *words):
        parent = start(environment, *words)
        printed, _ = parent.communicate(timeout=30)
        return parent.returncode, [line for line in printed.splitlines() if not line.isdigit()]

    return run


@pytest.fixture
def program_called(tmp_path):
    """Makes a shell script of that name; the kernel forgets the death signal of one called apptainer."""

    def make(name, script):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return str(program)

    return make


def test_the_program_dies_when_its_parent_is_killed(way, start):
    parent = start(way[0], "sleep", "60")
    child = int(parent.stdout.readline())
    birth = start_time(child)
    # Until it is the program, with its signal set.
    until(lambda: Path(f"/proc/{child}/cmdline").read_bytes() == b"sleep\x0060\x00", process=parent)

    parent.kill()
    parent.communicate()

    until(lambda: not is_running(child, birth))


def test_the_program_gets_the_whole_environment(way, end_of):
    status, printed = end_of(way[0], "env", "-0")

    told = dict(entry.split("=", 1) for entry in "\n".join(printed).split("\0") if "=" in entry)
    assert status == 0
    assert {name: told.get(name) for name in way[0]} == way[0]


@pytest.mark.parametrize(
    ("script", "status"), [("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
)
def test_how_the_program_ended_is_seen(way, end_of, program_called, script, status):
    assert end_of(way[0], program_called("program", script)) == (status, [])


def test_a_program_that_is_not_there_is_named(way, end_of):
    assert end_of(way[0], "no-such-program") == (
        127,
        ["cannot start no-such-program: No such file or directory"],
    )


def test_the_quick_way_is_taken_where_it_does_all_that_is_asked(way, checkout):
    environment, expected = way
    words = "import sys; from harness.process.console import bound_to_us; print(bound_to_us(sys.argv[1:])[0])"

    def starter(name):
        answer = subprocess.run(
            [sys.executable, "-c", words, name],
            cwd=checkout,
            env=environment,
            capture_output=True,
            check=True,
        )
        return Path(answer.stdout.decode().strip()).name

    assert starter("yolo_v4").startswith(expected)
    # The kernel forgets the signal of these.
    assert starter("/usr/bin/apptainer").startswith("python")
    assert starter("singularity").startswith("python")


@pytest.mark.parametrize("launcher", ["python", "setpriv"])
def test_a_program_whose_parent_is_gone_already_does_not_start(launcher):
    if launcher == "setpriv" and shutil.which("setpriv") is None:
        pytest.skip("no setpriv on this machine")
    # Another process than the parent that it is told of is the parent: so it is after that one's death.
    command = {
        "python": [sys.executable, die_with_parent.__file__, "1", "echo", "started"],
        "setpriv": ["setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", BECOME, "1", "echo", "started"],
    }[launcher]

    finished = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stdout) == (137, "")


def test_what_a_container_runtime_started_dies_with_our_parent_too(program_called, start, tmp_path):
    script = f"sleep 61 & echo $! > '{tmp_path}/aside'; mv '{tmp_path}/aside' '{tmp_path}/number'; wait"
    parent = start(dict(os.environ), program_called("apptainer", script))
    until((tmp_path / "number").exists, process=parent)
    inside = int((tmp_path / "number").read_text())
    birth = start_time(inside)

    parent.kill()
    parent.communicate()

    until(lambda: not is_running(inside, birth))


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -KILL $$", 137), ("exit 0", 0)])
def test_the_exit_status_of_a_container_runtime_comes_back(program_called, end_of, script, status):
    assert end_of(dict(os.environ), program_called("apptainer", script)) == (status, [])
