"""What the sampler costs: its own CPU time, and how much slower what it watches becomes.

    python bench/sampler_cost.py [--stand-in] cpu
    python bench/sampler_cost.py [--stand-in] rate
    python bench/sampler_cost.py rate --status OUT -- yolo_v4 train -e SPEC -r OUT -k KEY

`cpu` watches a command that sleeps, once for a moment and once for a minute more: the difference is what
sampling costs beyond the probe's own start. `rate` lets the sampler rest in every second window, and compares
the rate of steps in each window with it with that of the two windows without around it: blocks of their own
differ by some 5 % whatever one does. The steps are multiplications of matrices on all cores, or those of a
training that tells them.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from probe.samples import read_columns

CHECKOUT = Path(__file__).resolve().parent.parent
STAND_IN = CHECKOUT / "tests" / "fakes" / "nvml" / "nvml.c"  # two GPUs
PROBE = (sys.executable, "-m", "probe")
SHORT_S = 5.0
SIZE = 768  # of the matrices: a step takes some milliseconds
Step = tuple[float, float]  # unix_s of its start, and how long it took in seconds


def cpu_pct(seconds: float, environment: dict[str, str]) -> float:
    """CPU time of `python -m probe run` at its usual rates, in percent of a core, beyond its own start."""
    used_s = [_cpu_s(["sleep", f"{length_s}"], environment) for length_s in (SHORT_S, SHORT_S + seconds)]
    return 100 * (used_s[1] - used_s[0]) / seconds


def _cpu_s(command: Sequence[str], environment: dict[str, str]) -> float:
    """Of the probe and all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*PROBE, "run", "--", *command], env=environment, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def changes_pct(steps: Iterable[Step], *, began_s: float, window_s: float) -> list[float]:
    """Change of the rate of steps in each window with the sampler against the two windows without around it.

    Args:
        steps: of what was watched.
        began_s: when the sampler began; every second window from then on is one without it.
        window_s: how long each is.
    """
    by_window: dict[int, list[float]] = {}
    for started_s, duration_s in steps:
        window = (started_s - began_s) // window_s
        if (started_s + duration_s - began_s) // window_s == window:  # wholly inside of it
            by_window.setdefault(int(window), []).append(duration_s)
    means_s = {window: statistics.mean(durations_s) for window, durations_s in by_window.items()}
    # Of two neighbours, so that a machine that slows down does not count against either side.
    return [
        100 * ((means_s[window - 1] + means_s[window + 1]) / 2 / mean_s - 1)
        for window, mean_s in sorted(means_s.items())
        if window % 2 == 0 and {window - 1, window + 1} <= {*means_s}
    ]


def steps_of_training(folder: Path) -> list[Step]:
    """The steps that a training of yolo_v4 told in status.json of its folder."""
    steps: list[Step] = []
    for line in (folder / "status.json").read_text().splitlines():
        phase = json.loads(line)
        if phase.get("phase") == "epoch":
            now_s = phase["started_unix_s"]
            for wait_s, work_s in zip(phase["wait_s"], phase["work_s"], strict=True):
                steps.append((now_s, wait_s + work_s))
                now_s += wait_s + work_s
    return steps


def multiply(seconds: float) -> list[Step]:
    """Multiply matrices on all cores for so long."""
    numbers = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    ends_s, steps = time.time() + seconds, []
    while (started_s := time.time()) < ends_s:
        clock_s = time.perf_counter()
        numbers @ numbers
        steps.append((started_s, time.perf_counter() - clock_s))
    return steps


def watch(options: argparse.Namespace, environment: dict[str, str]) -> list[float]:
    """Changes of the rate of steps, in percent, while the sampler works in every second window."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["sample", folder, str(os.getpid()), f"--window-s={options.window_s}"]
        pipe = subprocess.PIPE
        with subprocess.Popen([*PROBE, *words], env=environment, stdin=pipe, stdout=pipe) as sampler:
            assert sampler.stdout is not None
            sampler.stdout.readline()
            if options.command:
                subprocess.run(options.command, check=True)
                steps = steps_of_training(options.status)
            else:
                steps = multiply(2 * options.window_s * options.pairs)
            sampler.communicate()
        return changes_pct(steps, began_s=read_columns(Path(folder))["unix_s"][0], window_s=options.window_s)


def main() -> None:
    """Measure, and print figures."""
    parser = _parser()
    options = parser.parse_args()
    if options.what == "rate":
        options.command = options.command[options.command[:1] == ["--"] :]
        if bool(options.command) != bool(options.status):
            parser.error("a command needs --status, and --status a command")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        if options.stand_in:
            library = f"{folder}/libnvidia-ml.so.1"
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, STAND_IN], check=True)
            environment["LD_LIBRARY_PATH"] = folder
        if options.what == "cpu":
            values = [cpu_pct(options.seconds, environment) for _ in range(options.rounds)]
            rounded = [round(value, 3) for value in values]
            print(f"{statistics.median(values):.3f} % of a core, median of {rounded}")
        else:
            values = watch(options, environment)
            low, middle, high = statistics.quantiles(values, n=4)
            spread = f"the middle half from {low:+.3f} to {high:+.3f}, n {len(values)}"
            print(f"rate changed by {middle:+.3f} %, {spread}")


def _parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--stand-in", action="store_true", help="two GPUs, by a stand-in for NVML; needs gcc")
    figures = parser.add_subparsers(dest="what", required=True)
    cpu = figures.add_parser("cpu", help="CPU time of the probe itself")
    cpu.add_argument("--seconds", type=float, default=60.0, help="how long to sample")
    cpu.add_argument("--rounds", type=int, default=3, help="how many times")
    rate = figures.add_parser("rate", help="how much slower what it watches becomes")
    rate.add_argument("--window-s", type=float, default=2.0, help="with the sampler, and then without")
    rate.add_argument("--pairs", type=int, default=40, help="how many windows with it")
    rate.add_argument("--status", type=Path, help="folder in which the training writes status.json")
    rate.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="a training of yolo_v4")
    return parser


if __name__ == "__main__":
    main()
