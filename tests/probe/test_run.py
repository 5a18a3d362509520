"""Real commands, watched from their start to their end."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import sys
import termios
import time

import psutil
import pytest

from probe.errors import ProbeError
from probe.run import run
from probe.samples import read_columns
from tests.waiting import until

# Says what it gets, and ends at the second signal with status 5.
LISTENER = """
import signal, sys, time
got = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    name = signal.Signals(number).name
    signal.signal(number, lambda number, frame, name=name: (got.append(number), print(name, flush=True)))
print("begun", flush=True)
while len(got) < 2:
    time.sleep(0.02)
sys.exit(5)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("begun", flush=True)
time.sleep(60)
"""


def python(script):
    return ("--", sys.executable, "-c", script)


def last_line(answer):
    return json.loads(answer.stdout.splitlines()[-1])


def child_of(process):
    """The command below a probe: what is not the sampler."""
    (command,) = [
        child for child in psutil.Process(process.pid).children() if "sample" not in child.cmdline()
    ]
    return command


def test_the_status_and_the_output_are_those_of_the_command(probe):
    answer = probe("run", "--", "sh", "-c", "echo to you; echo to me >&2; exit 7", status=7)

    assert answer.stdout == "to you\n"
    said, *table = answer.stderr.splitlines()
    assert said == "to me"
    assert [line.split("  ")[0] for line in table[:4]] == ["command", "exit status", "duration", "CPU"]
    assert table[1].split() == ["exit", "status", "7"]


def test_its_input_is_that_of_the_command(probe, tmp_path):
    (tmp_path / "words").write_text("from outside\n")
    with (tmp_path / "words").open() as words:
        assert probe("run", "--", "cat", stdin=words).stdout == "from outside\n"


@pytest.mark.slow
def test_cpu_time_is_that_of_the_command_and_of_its_children(probe):
    spend = "import time\nwhile time.process_time() < 0.7: pass"
    answer = last_line(probe("run", "--json", "--", "sh", "-c", f"{sys.executable} -c '{spend}'; true"))

    assert 0.7 <= answer["cpu_s"] < 1.4  # each once, and what Python needs to start
    assert answer["cpu_pct"] == pytest.approx(100 * answer["cpu_s"] / answer["duration_s"], abs=0.5)
    assert answer["exit_status"] == 0


def test_memory_between_two_beats_is_seen(probe):
    answer = last_line(probe("run", "--json", *python("x = b'x' * 300_000_000")))

    assert 300e6 < answer["peak_memory_bytes"] < 340e6


def test_memory_of_the_process_that_starts_the_probe_does_not_hide_that_of_the_command(probe):
    assert len(b"x" * 400_000_000) == 400_000_000  # freed at once; the kernel remembers that we had it
    answer = last_line(probe("run", "--json", *python("x = b'x' * 300_000_000")))

    assert 300e6 < answer["peak_memory_bytes"] < 340e6


@pytest.mark.slow
def test_memory_of_all_processes_is_added_up(probe, tmp_path):
    # They meet: a pipe is opened once both ends are, so both have their memory then.
    os.mkfifo(tmp_path / "pipe")
    hog = f'import time; x = bytes([1]) * 100_000_000; y = open("{tmp_path}/pipe", "%s"); time.sleep(1)'
    hogs = " & ".join(f"{sys.executable} -c '{hog % end}'" for end in "rw")
    answer = last_line(probe("run", "--json", "--host-hz=10", "--", "sh", "-c", f"{hogs}; wait"))

    assert 200e6 < answer["peak_memory_bytes"] < 260e6


@pytest.mark.slow
def test_the_summary_for_programs_holds_what_is_documented(probe, checkout, nvml_folder):
    began_s = time.monotonic()
    answer = last_line(
        probe("run", "--json", "--", "sleep", "1.2", environment={"LD_LIBRARY_PATH": str(nvml_folder)})
    )
    all_s = time.monotonic() - began_s
    kinds = {
        "schema_version": int,
        "command": list,
        "exit_status": int,
        "started_unix_s": float,
        "duration_s": float,
        "cpu_s": float,
        "cpu_pct": float,
        "peak_memory_bytes": int,
        "energy_j": dict,
        "throttled": dict,
        "samples": int,
        "missed_beats": int,
        "faults": list,
        "metrics": list,
    }

    assert {name: type(value) for name, value in answer.items()} == kinds
    assert answer["command"] == ["sleep", "1.2"]
    assert answer["faults"] == []
    # A busy machine makes it last longer and misses beats.
    assert answer["samples"] + answer["missed_beats"] == pytest.approx(10 * answer["duration_s"], abs=3)
    # The stand-in's counters grow by 100 and 101 W; they are read before the start and after the end.
    assert sorted(answer["energy_j"]) == ["gpu0", "gpu1"]
    for gpu, power_w in (("gpu0", 100), ("gpu1", 101)):
        assert power_w * answer["duration_s"] * 0.99 <= answer["energy_j"][gpu] <= power_w * all_s
    page = (checkout / "docs" / "probe.md").read_text()
    metric = next(one for one in answer["metrics"] if one["metric"] == "gpu1_power_w")
    assert [name for name in (*kinds, *metric) if f"`{name}`" not in page] == []
    assert (metric["unit"], metric["mean"], metric["median"], metric["p95"]) == ("W", 101.0, 101.0, 101.0)
    assert (metric["min"], metric["max"], metric["change"]) == (101.0, 101.0, None)


@pytest.mark.slow
def test_samples_are_left_where_they_were_asked_for_and_nowhere_else(probe, tmp_path):
    before = {*tmp_path.iterdir()}
    probe("run", "--", "true", environment={"TMPDIR": str(tmp_path)})
    assert {*tmp_path.iterdir()} == before

    probe("run", "--out", str(tmp_path / "deep" / "samples"), "--", "sleep", "0.3")
    columns = read_columns(tmp_path / "deep" / "samples")
    assert len(columns["unix_s"]) >= 1
    assert "tree_rss_bytes" in columns


def test_samples_of_another_run_are_not_mixed_with_these(probe, tmp_path):
    probe("run", "--out", str(tmp_path), "--", "true")
    answer = probe("run", "--out", str(tmp_path), "--", "touch", str(tmp_path / "begun"), status=2)

    assert (
        answer.stderr
        == f"probe: {tmp_path} holds samples already\n  try: take another folder, or remove that one\n"
    )
    assert not (tmp_path / "begun").exists()


def test_a_command_that_is_not_there_is_127_and_nothing_is_left(probe, tmp_path):
    answer = probe("run", "--out", str(tmp_path / "out"), "--", "nothing-like-that", status=127)

    assert answer.stderr == "probe: there is no program nothing-like-that\n  try: correct its name or path\n"
    assert answer.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_program_is_126(probe, tmp_path):
    text, odd = tmp_path / "text", tmp_path / "odd"
    text.write_text("hello\n")
    odd.write_bytes(b"\0\1\2")
    odd.chmod(0o755)

    assert f"try: chmod +x {text}" in probe("run", "--", str(text), status=126).stderr
    assert f"cannot start {odd}: Exec format error" in probe("run", "--", str(odd), status=126).stderr


def test_a_folder_that_cannot_be_made_is_told_before_the_command_begins(probe, tmp_path):
    (tmp_path / "file").write_text("")
    answer = probe(
        "run", "--out", str(tmp_path / "file" / "out"), "--", "touch", str(tmp_path / "begun"), status=2
    )

    assert f"probe: {tmp_path}/file/out: Not a directory" in answer.stderr
    assert not (tmp_path / "begun").exists()


def test_a_sampler_that_cannot_start_is_told_before_the_command_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")

    with pytest.raises(ProbeError, match="the sampler cannot start"):
        run(["touch", str(tmp_path / "begun")], folder=None, gpu_hz=10.0, host_hz=1.0)
    assert not (tmp_path / "begun").exists()


def test_a_command_that_a_signal_ended_is_128_and_its_number(probe):
    answer = last_line(probe("run", "--json", "--", "sh", "-c", "kill -9 $$", status=137))

    assert answer["exit_status"] == 137


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_the_probe_reaches_the_command_and_its_status_counts(start_probe, number):
    process = start_probe("run", *python(LISTENER))
    assert process.stdout.readline() == "begun\n"

    for _ in range(2):
        process.send_signal(number)
        assert process.stdout.readline() == f"{number.name}\n"

    assert process.wait(timeout=30) == 5


@pytest.mark.slow
def test_ctrl_c_reaches_the_command_once_and_the_probe_ends_as_it_ends(start_probe):
    keyboard, terminal = pty.openpty()
    process = start_probe(
        "run",
        *python(LISTENER),
        **dict.fromkeys(("stdin", "stdout", "stderr"), terminal),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    screen = b""

    def read_until(word):
        nonlocal screen
        while word not in screen:
            screen += os.read(keyboard, 1000)

    read_until(b"begun\r\n")
    os.write(keyboard, b"\x03")
    read_until(b"SIGINT\r\n")
    time.sleep(0.3)  # a second one would end it
    assert process.poll() is None
    os.write(keyboard, b"\x03")
    read_until(b"exit status  5\r\n")

    with contextlib.suppress(OSError):  # how a terminal says that nobody is left
        while text := os.read(keyboard, 1000):
            screen += text
    assert process.wait(timeout=30) == 5
    assert screen.count(b"SIGINT\r\n") == 2
    os.close(keyboard)


@pytest.mark.slow
def test_a_command_that_ignores_a_signal_goes_on_and_so_does_the_probe(start_probe):
    process = start_probe("run", "--json", *python(DEAF))
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None

    child_of(process).kill()
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 137
    assert json.loads(out)["exit_status"] == 137


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_of_a_probe_that_is_killed_the_command_ends_and_the_samples_can_be_read(start_probe, tmp_path):
    process = start_probe("run", "--host-hz=10", "--out", str(tmp_path), "--", "sleep", "60")
    until(lambda: len(read_columns(tmp_path).get("unix_s", ())) > 5)
    family = psutil.Process(process.pid).children()
    assert len(family) == 2

    process.kill()
    process.communicate()

    until(lambda: not any(child.is_running() for child in family))
    columns = read_columns(tmp_path)
    assert len(columns["unix_s"]) > 5
    assert max(columns["tree_rss_bytes"]) > 0


@pytest.mark.slow
def test_a_sampler_that_is_killed_is_a_fault_and_no_more(start_probe):
    process = start_probe("run", "--json", *python("print('begun', flush=True)\ninput()"), stdin=-1)
    assert process.stdout.readline() == "begun\n"
    (sampler,) = [child for child in psutil.Process(process.pid).children() if "sample" in child.cmdline()]

    sampler.kill()
    out, _ = process.communicate("go on\n", timeout=30)

    assert process.returncode == 0
    assert json.loads(out)["faults"] == ["the sampler ended with status -9"]
