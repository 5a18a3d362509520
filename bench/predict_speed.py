"""`yolo_v4 predict` beside `yolo_v4 inference`: `predict_speed.py MODEL SPEC FOLDER [ROUNDS] [THRESHOLD]`.

Both write annotated pictures and labels of the same pictures, in turns, so that what else the machine does
falls on both. The start of the programs is part of the time. On a busy machine the CPU time tells more.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

COMMANDS = ("inference", "predict")


class Took(NamedTuple):
    """Seconds of one run."""

    wall_s: float
    cpu_s: float


def run(command: str, words: list[str], results: Path) -> Took:
    """Run one of the two into a new folder; an exit status other than 0 ends the measurement."""
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "yolo_v4", command, *words, "-r", str(results)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall_s, after = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main(arguments: list[str]) -> None:
    """Measure in turns, and print the median of the ratios."""
    model, spec, folder, rounds, threshold = (*arguments, *("3", "0.3")[len(arguments) - 3 :])
    words = ["-m", model, "-e", spec, "-i", folder, "-t", threshold]
    pictures = len(os.listdir(folder))  # noqa: PTH208 - only their number
    ratios = []
    for number in range(int(rounds)):
        with tempfile.TemporaryDirectory() as results:
            order = COMMANDS if number % 2 == 0 else COMMANDS[::-1]
            took = {command: run(command, words, Path(results, command)) for command in order}
        told = [
            f"{command} {took[command].wall_s:.1f} s ({pictures / took[command].wall_s:.1f} pictures/s), "
            f"{took[command].cpu_s:.1f} s of CPU time"
            for command in COMMANDS
        ]
        print(f"round {number + 1}: {'; '.join(told)}", flush=True)
        ratios.append([a / b for a, b in zip(took["inference"], took["predict"], strict=True)])
    wall, cpu = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(f"inference over predict, median of {rounds} rounds: {wall:.2f} in time, {cpu:.2f} in CPU time")


if __name__ == "__main__":
    main(sys.argv[1:])
