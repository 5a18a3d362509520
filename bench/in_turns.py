"""Two `yolo_v4` commands in turns: `in_turns.py ROUNDS PICTURES "COMMAND A" "COMMAND B"`.

    M="-m model.pt -e spec.txt"
    python bench/in_turns.py 3 1000 "inference $M -i street" "predict $M -i street"
    python bench/in_turns.py 3 445 "evaluate $M --runtime pytorch" "evaluate $M --runtime onnxruntime"

A command is written without `-r`: each run has a results folder of its own. They take turns, so that what
else the machine does falls on both; the start of the programs is part of the time. On a busy machine the CPU
time tells more, and of PyTorch only with OMP_WAIT_POLICY=PASSIVE: its threads spin while they wait.
"""

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple


class Took(NamedTuple):
    """Seconds of one run."""

    wall_s: float
    cpu_s: float


def run(command: str, results: Path) -> Took:
    """Run a command into a new folder; an exit status other than 0 ends the measurement with its words."""
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "yolo_v4", *shlex.split(command), "-r", str(results)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"yolo_v4 {command} ended with {done.returncode}:\n{done.stderr}")
    wall_s, after = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure in turns, and print the median of the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", type=int)
    parser.add_argument("pictures", type=int, help="that each command looks at")
    parser.add_argument("commands", nargs=2, metavar="COMMAND")
    args = parser.parse_args()
    ratios = []
    for number in range(args.rounds):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        with tempfile.TemporaryDirectory() as folder:
            took = {place: run(args.commands[place], Path(folder, str(place))) for place in order}
        told = [
            f"{name} {one.wall_s:.1f} s ({args.pictures / one.wall_s:.1f} pictures/s), "
            f"{one.cpu_s:.1f} s of CPU time"
            for name, one in (("A", took[0]), ("B", took[1]))
        ]
        print(f"round {number + 1}: {'; '.join(told)}; {os.getloadavg()[0]:.1f} programs at work", flush=True)
        ratios.append([a / b for a, b in zip(took[0], took[1], strict=True)])
    wall, cpu = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(f"A over B, median of {args.rounds} rounds: {wall:.2f} in time, {cpu:.2f} in CPU time")


if __name__ == "__main__":
    main()
