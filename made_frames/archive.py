"""Packs made frames as the JamCam archive is packed: a CVAT "YOLO 1.1" export in a zip."""

import multiprocessing
import os
import signal
import threading
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from made_frames.frame import CAMERAS, Frame, make_frame
from made_frames.traffic import CLASSES

PROCESSES = 2
SIGNALS = (signal.SIGINT, signal.SIGTERM)
WRITTEN = (2019, 6, 28, 14, 0, 0)  # time of every entry: the bytes depend on the frames only
DESCRIPTION = "classes = 6\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"


def make_frames(seed: int, total: int) -> Iterator[Frame]:
    """Frames 0 to `total` - 1, camera by camera, drawn by `PROCESSES` at a time."""
    numbers = sorted(range(total), key=lambda index: (index % CAMERAS, index))
    # An executor, not a Pool: that one waits for ever where a signal to the whole group took its workers
    # first.
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"), _end_with_parent) as pool:
        # Workers start with signals blocked, as one that comes while Python starts would print a traceback.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            frames = pool.map(partial(make_frame, seed), numbers, chunksize=4)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        yield from frames


def _end_with_parent() -> None:
    """Make a worker ignore signals, which the parent handles, and end when the parent has ended."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def follow() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def pack(frames: Iterable[Frame], path: Path) -> None:
    """Write the zip `path`, whole or not at all; same frames, same bytes.

    Which frames are train and which test is not said in it, as in the real archive: whoever unpacks it draws
    lots.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(aside, "w") as archive:
            _add(archive, "data/obj.data", DESCRIPTION)
            _add(archive, "data/obj.names", "".join(f"{name}\n" for name in CLASSES))
            names = []
            for frame in frames:
                names.append(f"data/obj_train_data/{frame.camera}/{frame.stem}")
                _add(archive, f"{names[-1]}.jpg", frame.jpeg)
                _add(archive, f"{names[-1]}.txt", "".join(box.line() for box in frame.boxes))
            _add(archive, "data/train.txt", "".join(f"{name}.jpg\n" for name in names))
        with aside.open("rb") as stream:
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=WRITTEN)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
