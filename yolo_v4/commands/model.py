"""What the commands that use a trained model share: its flags, loading it, and showing how far the pictures are."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from yolo_v4.errors import SpecError
from yolo_v4.network.checkpoint import load_network
from yolo_v4.network.device import choose_device
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment

LINE_INTERVAL_S = 10.0


def say_ignored(args: argparse.Namespace) -> None:
    """Say on stderr which of the flags given have no effect."""
    for dest, flag in args.ignored.items():
        if getattr(args, dest) is not None:
            print(f"note: {flag} has no effect here", file=sys.stderr, flush=True)


def load_model(path: str, spec: str, gpu_index: Sequence[int] | None) -> tuple[Yolo, Experiment]:
    """A trained network in evaluation mode on its device, and its experiment.

    Raises:
        DetectorError: no such GPU, a spec that is refused or under which nothing would be found, a model that
            does not fit it.
    """
    device = choose_device(gpu_index)
    experiment = load_experiment(Path(spec))
    if experiment.nms.top_k == 0:
        raise SpecError(f"top_k in nms_config of {spec} is 0, so nothing would be found", remedy="set top_k: 200")
    return load_network(Path(path), experiment).to(device), experiment


@contextmanager
def counted(total: int, action: str) -> Iterator[Callable[[int], object]]:
    """A function to be told how many more pictures are done: shows a bar, or plain lines off a terminal."""
    if sys.stderr.isatty():
        with tqdm(total=total, desc=action, unit="images") as bar:
            yield bar.update
        return
    started_s = shown_s = time.monotonic()
    done = 0

    def update(pictures: int) -> None:
        nonlocal done, shown_s
        done += pictures
        now_s = time.monotonic()
        if done == total or now_s - shown_s >= LINE_INTERVAL_S:
            shown_s = now_s
            print(f"{action}: {done}/{total} - {done / max(now_s - started_s, 1e-9):.1f} images/s", flush=True)

    yield update
