"""The command line: words to verbs. The one place that prints, and that sets exit statuses."""

import argparse
import dataclasses
import json
import math
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from probe import describe, dmon, summary
from probe.errors import USAGE, ProbeError
from probe.log_text import read_log
from probe.run import run
from probe.sampler import sample

FASTEST_HZ = 1000.0
LONGEST_S = 86400.0
# All but tab and newline, what turns the direction of text, and bytes of file names that are no UTF-8.
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
ABOUT = """\
Watch any command: its processes, the machine and its NVIDIA GPUs.

  python -m probe run -- python train.py --epochs 3
  python -m probe run --out measured --json -- ./simulate input.dat
  python -m probe describe
  python -m probe metrics
"""
RUN = """\
The command has this terminal: its input, its outputs, its keys. Signals are passed on to it.
At its end a summary is printed to standard error; with --json, it is the last line of standard output.
On Linux the command ends at once where the probe is killed.

examples:
  python -m probe run -- python train.py --epochs 3
  python -m probe run --out measured -- mpirun -n 4 ./simulate
  python -m probe run --json -- sleep 10 | tail -n 1 | python -m json.tool

exit status:
  that of the command; 128+n where signal n ended it; 127 where it is not there, 126 where it cannot be
  started; 2 where the probe cannot do what it was asked
"""
SAMPLE = """\
For programs that start the probe at their side, and for processes that run already.
Where standard input is a pipe, closing it ends the sampler. Its first line of output is `ready`; each
further one is a fault, in words.

examples:
  python -m probe sample measured 4711
  python -m probe sample measured $$ --gpu-hz 2 &
"""
CONVERT = """\
examples:
  nvidia-smi dmon -o TD -s puct > dmon.txt
  python -m probe convert dmon.txt measured
  zcat dmon.txt.gz | python -m probe convert - measured

With commas (--format csv), labels of `srun -l`, gzip, UTF-16 and a mark of UTF-8 it is read as well.
Logs of several tasks, and those that begin with a heading of their own, are kept apart: measured/part-1 ...
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words say; gives the exit status."""
    options = _parser().parse_args(argv)
    try:
        return int(options.verb(options))
    except ProbeError as error:
        _print(f"probe: {error.message}\n  try: {error.remedy}", sys.stderr)
        return error.exit_status
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _print(
            f"probe: {where}{error.strerror or error}\n  try: another folder, or free some space", sys.stderr
        )
        return USAGE
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise ProbeError("there is no command to watch", remedy="python -m probe run -- COMMAND")
    seen = run(command, folder=options.out, gpu_hz=options.gpu_hz, host_hz=options.host_hz)
    if options.json:
        _print("", sys.stdout)  # the command may have left its last line open
        _print_json(dataclasses.asdict(seen))
    else:
        _print(summary.as_text(seen), sys.stderr)
    return seen.exit_status


def _sample(options: argparse.Namespace) -> int:
    sample(
        options.folder,
        options.pid,
        gpu_hz=options.gpu_hz,
        host_hz=options.host_hz,
        window_s=options.window_s,
        children_only=options.children_only,
    )
    return 0


def _describe(options: argparse.Namespace) -> int:
    facts = describe.describe(os.environ)
    if options.json:
        _print_json(facts)
    else:
        _print(describe.as_text(facts), sys.stdout)
    return 0


def _metrics(options: argparse.Namespace) -> int:
    if options.json:
        _print_json(describe.metrics())
    else:
        _print(describe.metrics_as_text(), sys.stdout)
    return 0


def _convert(options: argparse.Namespace) -> int:
    text = read_log(options.file)
    parts = dmon.convert(text, options.folder)
    if options.json:
        told = [
            {"folder": str(folder), "task": log.task, "samples": len(log.beats), "faults": log.faults}
            for folder, log in parts
        ]
        _print_json({"name": text.name, "sha256": text.sha256, "parts": told})
        return 0
    for folder, log in parts:
        _print("\n".join([f"{len(log.beats)} samples in {folder}", *log.faults]), sys.stdout)
    return 0


def _print_json(value: Any) -> None:
    _print(json.dumps(value, allow_nan=False), sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """Print at once; control characters of others, and bytes of names that are no text, as their escapes."""
    try:
        print(CONTROLS.sub(_escape, text), file=stream, flush=True)
    except BrokenPipeError:  # nobody reads on; the exit status still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _escape(match: "re.Match[str]") -> str:
    return match[0].encode("unicode_escape").decode()


def _parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m probe", description=ABOUT, formatter_class=style)
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, does: Any, about: str, more: str = "") -> argparse.ArgumentParser:
        words = verbs.add_parser(name, help=about, description=about, epilog=more, formatter_class=style)
        words.set_defaults(verb=does)
        return words

    words = verb("run", _run, "watch a command from its start to its end", RUN)
    words.usage = "python -m probe run [--json] [--out DIR] [--gpu-hz HZ] [--host-hz HZ] -- COMMAND ..."
    words.add_argument("--json", action="store_true", help="print the summary as JSON, in one line")
    words.add_argument("--out", type=Path, metavar="DIR", help="leave samples.csv.gz there")
    _add_rates(words)
    words.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to watch")

    words = verb("sample", _sample, "write samples of a process and its children until it ends", SAMPLE)
    words.add_argument("folder", type=Path, metavar="FOLDER", help="where samples.csv.gz is, or will be")
    words.add_argument("pid", type=int, metavar="PID", help="number of the process")
    _add_rates(words)
    words.add_argument("--children-only", action="store_true", help="the process itself does not count")
    about = "rest in every second window of so many seconds (0: never)"
    words.add_argument("--window-s", type=_seconds, default=0.0, metavar="S", help=about)

    about = "what this machine is: processor, memory, limits of the control group, GPUs, driver"
    verb("describe", _describe, about).add_argument("--json", action="store_true", help="for programs")
    about = "every metric, with its unit, how many beats pass between two looks, and who says it"
    verb("metrics", _metrics, about).add_argument("--json", action="store_true", help="for programs")

    words = verb("convert", _convert, "make samples out of what `nvidia-smi dmon -o TD` wrote", CONVERT)
    words.add_argument("file", type=Path, metavar="FILE", help="what dmon wrote; -: standard input")
    words.add_argument("folder", type=Path, metavar="FOLDER", help="where samples.csv.gz is written")
    words.add_argument("--json", action="store_true", help="for programs")
    return parser


def _add_rates(words: argparse.ArgumentParser) -> None:
    words.add_argument("--gpu-hz", type=_rate_hz, default=10.0, metavar="HZ", help="GPU beats a second (10)")
    words.add_argument("--host-hz", type=_rate_hz, default=1.0, metavar="HZ", help="other beats a second (1)")


def _rate_hz(text: str) -> float:
    return _number(text, 1 / FASTEST_HZ, FASTEST_HZ)


def _seconds(text: str) -> float:
    return _number(text, 0.0, LONGEST_S)


def _number(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
    return number
