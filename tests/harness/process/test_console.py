import os
import pty
import subprocess
import sys

import pytest

from harness.process.console import PlainLines, PrefixedLines, TerminalText, run


def plain(*chunks):
    lines = PlainLines()
    return b"".join(line for chunk in chunks for line in lines.feed(chunk)) + b"".join(lines.flush())


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"a\nb\n",), b"a\nb\n"),
        ((b"a", b"b\nc"), b"ab\nc\n"),
        ((b"\r10%\r50%", b"\r100%\n"), b"100%\n"),
        ((b"dos\r", b"\nline\r\n"), b"dos\nline\n"),
        ((b"\r10%\r50%",), b"50%\n"),
        ((b"bar 1/2\r", b"bar 2/2\r", b"done\n"), b"done\n"),
        ((b"",), b""),
    ],
)
def test_of_what_is_drawn_over_itself_only_the_last_state_stays(chunks, expected):
    assert plain(*chunks) == expected


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"a\r\nb\r\n",), b"x | a\r\nx | b\r\n"),
        ((b"a", b"b\n", b"c"), b"x | ab\nx | c"),
        ((b"\r10%\r50%", b"\r", b"\n", b"", b"c"), b"\rx | 10%\rx | 50%\r\nx | c"),
        ((b"\n\na",), b"\n\nx | a"),
    ],
)
def test_each_line_on_a_terminal_tells_whose_it_is_also_one_drawn_over_itself(chunks, expected):
    lines = PrefixedLines(b"x | ")

    assert b"".join(map(lines.feed, chunks)) == expected


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"\r\x1b[32m10%\x1b[0m\x1b[K\b",), b"\r\x1b[32m10%\x1b[0m\x1b[K\b"),
        ((b"car\x1b]0;owned\x07",), rb"car\x1b]0;owned\x07"),
        ((b"\x1b[2J\x1b[A\x1b[6n",), rb"\x1b[2J\x1b[A\x1b[6n"),
        ((b"a\x1b", b"[3", b"1mred"), b"a\x1b[31mred"),
        ((b"a\x1b", b"]52;c;x"), rb"a\x1b]52;c;x"),
        (("ä×\x9b2J".encode(),), "ä×\\x9b2J".encode()),
        (("Ã\x84".encode()[:3], "Ã\x84".encode()[3:], b"\xc2"), "Ã\\x84".encode() + b"\xc2"),
    ],
)
def test_of_control_characters_a_terminal_gets_those_of_colours_and_progress_bars(chunks, expected):
    text = TerminalText()

    assert b"".join(map(text.feed, chunks)) + text.flush() == expected


def test_names_that_an_engine_prints_do_not_reach_a_terminal_as_commands(tmp_path, capfdbinary):
    ask(tmp_path, r"print('class \x1b]0;owned\x07')")

    assert capfdbinary.readouterr().out == rb"x | class \x1b]0;owned\x07" + b"\n"
    assert (tmp_path / "console.log").read_bytes() == b"class \x1b]0;owned\x07\n"


def ask(folder, program, **options):
    settings = {"prefix": "x | ", "environment": dict(os.environ), "started": lambda pid, birth: None}
    command = [sys.executable, "-c", program]
    return run(command, folder=folder, log=folder / "console.log", **{**settings, **options})


def test_what_is_not_shown_is_kept_all_the_same(tmp_path, capfd):
    assert ask(tmp_path, "print('twice'); print('twice')", shown=False) == 0

    assert capfd.readouterr().out == ""
    assert (tmp_path / "console.log").read_text() == "twice\ntwice\n"


def test_lines_are_shown_with_a_prefix_and_kept_without(tmp_path, capfd):
    status = ask(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")

    assert status == 7
    assert sorted(capfd.readouterr().out.splitlines()) == ["x | err", "x | out"]
    assert sorted((tmp_path / "console.log").read_text().splitlines()) == ["err", "out"]


def test_the_program_runs_in_its_folder_and_leads_a_process_group(tmp_path):
    started, told = [], tmp_path / "told"
    program = (
        "import os, time; print(os.getcwd(), os.getpid() == os.getpgrp())\n"
        "while not os.path.exists('told'): time.sleep(0.01)"  # of a program that has ended no start is known
    )

    ask(tmp_path, program, started=lambda *which: (started.append(which), told.touch()))

    assert (tmp_path / "console.log").read_text() == f"{tmp_path} True\n"
    assert started[0][0] > 1
    assert started[0][1].isdigit()


def test_a_program_that_is_not_there_ends_with_127_and_says_so(tmp_path, capfd):
    log = tmp_path / "console.log"

    assert run(["no-such-program"], folder=tmp_path, log=log, prefix="", environment={}, started=print) == 127
    assert log.read_text() == "cannot start no-such-program: No such file or directory\n"


def test_a_grandchild_that_keeps_the_pipe_open_does_not_hold_us_up(tmp_path):
    program = "import subprocess; subprocess.Popen(['sleep', '30']); print('done')"

    assert ask(tmp_path, program) == 0
    assert "done" in (tmp_path / "console.log").read_text()


def test_on_a_terminal_the_program_has_one_too_and_the_log_stays_plain(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from harness.process.console import run;"
        "folder = Path(sys.argv[1]);"
        "inner = 'import sys; print(sys.stdout.isatty()); print(1, end=chr(13)); print(2)';"
        "run([sys.executable, '-c', inner], folder=folder, log=folder / 'console.log',"
        " prefix='x | ', environment=os.environ, started=lambda *_: None)"
    )
    reader, writer = pty.openpty()
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], stdout=writer, stderr=writer, check=True)
    shown = os.read(reader, 1000)
    os.close(reader)
    os.close(writer)

    assert b"x | 1\rx | 2" in shown
    assert (tmp_path / "console.log").read_text() == "True\n2\n"
