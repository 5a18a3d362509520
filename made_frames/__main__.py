"""`python -m made_frames`.

Exit status: 0 done, 1 the archive could not be written, 2 wrong usage, 128 + n ended by signal n.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

LINE_EVERY_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Make an archive and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.frames < 1:
        parser.error(f"--frames is {options.frames}, expected 1 or more")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    from concurrent.futures.process import BrokenProcessPool

    from made_frames.archive import make_frames, pack  # numpy and Pillow: help needs neither

    try:
        options.archive.parent.mkdir(parents=True, exist_ok=True)
        pack(_told(make_frames(options.seed, options.frames), options.frames), options.archive)
    except OSError as error:
        reason = error.strerror or error
        parser.exit(
            1, f"error: cannot write {options.archive}: {reason}\n  try: make room, or another folder\n"
        )
    except BrokenProcessPool:
        parser.exit(
            1,
            "error: a process that draws frames was killed, as it is where memory runs out\n"
            "  try: end other programs, then the same command\n",
        )
    except KeyboardInterrupt as interruption:
        print(f"interrupted: nothing was left at {options.archive}", file=sys.stderr)
        return 128 + int(interruption.args[0])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m made_frames",
        description="Make traffic-camera frames that look like JamCam's, with labels, "
        "packed as the real archive is.",
        epilog="The same seed and number of frames give the same bytes.",
    )
    parser.add_argument(
        "archive", type=Path, metavar="ARCHIVE", help="zip to write; replaced where it exists"
    )
    parser.add_argument("--frames", type=int, required=True, metavar="N", help="how many frames")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one gives other frames (default 0)"
    )
    return parser


def _told(frames: Iterable[Any], total: int) -> Iterator[Any]:
    """Pass frames on and tell how many there are: a bar on a terminal, a line now and then in a log."""
    bar = tqdm(frames, desc="making frames", total=total, unit="frames", leave=False, disable=None)
    told_s = time.monotonic()
    for done, frame in enumerate(bar, start=1):
        yield frame
        if bar.disable and time.monotonic() - told_s >= LINE_EVERY_S:
            told_s = time.monotonic()
            print(f"made {done} of {total} frames", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
