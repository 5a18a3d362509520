"""What others wrote, on its whole way to a terminal or into a page."""

import http.server
import os
import threading
from dataclasses import replace
from functools import partial

import pytest

from harness.cli import main
from harness.measure.record import Gpu
from harness.measure.record_files import begin_record, close_record
from harness.report import pictures
from harness.report.page import BEGIN, END, section
from harness.report.redraw import redraw
from tests.harness.made import machine, record
from tests.harness.stages.conftest import dataset, picture  # noqa: F401

# Sets the title of a terminal, clears it, and turns the direction of text.
HOSTILE, HARMLESS = "\x1b]0;owned\x07\x1b[2J\u202e", r"\x1b]0;owned\x07\x1b[2J\u202e"

pytestmark = pytest.mark.usefixtures("signals_as_before")


@pytest.fixture
def refusing_server():
    """The address of a server that refuses with a hostile reason."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.wfile.write(b"HTTP/1.1 404 gone\x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n")

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def printed(capsys, *words):
    main(list(words))
    return "".join(capsys.readouterr())


def test_the_reason_of_a_server(refusing_server, tmp_path, capsys, monkeypatch):
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    address = f"{refusing_server}/frames.zip"
    declared = tmp_path / "own.toml"
    declared.write_text(
        f'title = "own"\naddress = "{address}"\narchive = "frames.zip"\nclasses = ["car"]\n'
        f'sha256 = "{"0" * 64}"\nwidth_px = 96\nheight_px = 64\nsplit = {{ test_frames = 3 }}\n'
    )

    text = printed(capsys, "download", f"--dataset={declared}", f"--workspace={tmp_path / 'w'}")

    assert r"the server answers 404 gone\x1b]0;owned\x07" in text
    assert "\x1b" not in text


def test_class_names_and_members_of_an_archive(dataset, tmp_path, capsys):  # noqa: F811
    words = (f"--workspace={tmp_path / 'w'}", "--recipe=smoke")
    names = printed(capsys, "verify", f"--dataset={dataset(names=f'person{HOSTILE}')}", *words)
    member = printed(capsys, "download", f"--dataset={dataset({f'../{HOSTILE}.jpg': b''})}", *words)

    assert f"person{HARMLESS}" in names
    assert HARMLESS in member
    assert "\x1b" not in names + member


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """A platform with a hostile title, whose Slurm complains in hostile words."""
    programs = tmp_path / "bin"
    programs.mkdir()
    complaint = "".join(f"\\{ord(letter):03o}" for letter in HOSTILE[:-1])
    for name in ("sbatch", "squeue", "sacct", "scontrol", "scancel"):
        (programs / name).write_text(f"#!/bin/sh\nprintf '{complaint}' >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    title = HOSTILE.encode("unicode_escape").decode().replace("\\x", "\\u00")
    lines = [f'title = "{title}"', 'status = "unknown"', 'scheduler = "slurm"', 'wall_time = "1:00:00"']
    declared = tmp_path / "own.toml"
    declared.write_text("\n".join([*lines, 'compute_network = "yes"']))
    return declared


@pytest.mark.parametrize("verb", ["doctor", "all"])
def test_titles_of_platforms_and_complaints_of_slurm(verb, platform, tmp_path, capsys):
    text = printed(capsys, verb, f"--platform={platform}", f"--workspace={tmp_path / 'w'}", "--recipe=smoke")

    assert (HARMLESS if verb == "doctor" else HARMLESS[:-6]) in text
    assert "\x1b" not in text


def hostile(text):
    """A record of a machine whose processor is called like that."""
    return record("train", [50.0, 51.0], machine=machine(cpu=text))


@pytest.mark.parametrize("text", [f"<script>alert(1)</script>{END}", f"{BEGIN} | x", f"{HOSTILE}\n\n# title"])
def test_a_section_with_a_hostile_record_stays_as_it_is_when_written_twice(text, tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    put = partial(pictures.put_section, page, BEGIN, END)

    put(section([hostile(text)], {"own": text}, []))
    once = page.read_text()
    put(section([hostile(text)], {"own": text}, []))

    assert page.read_text() == once
    assert (once.count(BEGIN), once.count(END)) == (1, 1)
    assert once.count("\n") == len(["before", BEGIN, "", "head", "---", "own", "local", "", END, "after"])
    assert not [word for word in ("<script", "\x1b", "\u202e") if word in once]


@pytest.mark.parametrize("text", ["$x^{$", "a\x1b[2J\nb", "$\\frac{1}$"])
def test_a_plot_shows_the_name_of_a_machine_and_obeys_nothing_in_it(text, tmp_path):
    one = hostile(text)
    gpu = Gpu(name=text, uuid="GPU-0", memory_bytes=1, power_limit_w=None, mig=False)
    other = replace(one, id=f"{one.id}-2", machine=replace(one.machine, gpus=(gpu,)))
    for each in (one, other):
        close_record(begin_record(tmp_path, each), each)

    redraw(tmp_path, say=lambda line: None)

    drawn = (tmp_path / "plots" / "throughput-sample.svg").read_text()
    assert drawn.startswith("<?xml")
    assert "\x1b" not in drawn
