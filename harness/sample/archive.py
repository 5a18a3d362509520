"""Packs made frames as the JamCam archive is packed: a CVAT "YOLO 1.1" export in a zip."""

import multiprocessing
import os
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from harness import files
from harness.sample.frame import CAMERAS, Frame, make_frame
from harness.sample.traffic import CLASSES

PROCESSES = 2
WRITTEN = (2019, 6, 28, 14, 0, 0)  # time of every entry: the bytes depend on the frames only
DESCRIPTION = "classes = 6\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"


def make_archive(
    path: Path, *, seed: int, train_frames: int, test_frames: int, progress: Callable[[int, int], None]
) -> None:
    """Write the zip `path` of `train_frames + test_frames` frames; same arguments, same bytes.

    Which frames are train and which test is not said in it, as in the real archive: whoever unpacks it draws
    `test_frames` of them. No moment of a camera occurs twice.

    Args:
        progress: called with (frames packed, frames in all).
    """
    total = train_frames + test_frames
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(aside, "w") as archive:
            _add(archive, "data/obj.data", DESCRIPTION)
            _add(archive, "data/obj.names", "".join(f"{name}\n" for name in CLASSES))
            names = []
            for done, frame in enumerate(make_frames(seed, total), start=1):
                names.append(f"data/obj_train_data/{frame.camera}/{frame.stem}")
                _add(archive, f"{names[-1]}.jpg", frame.jpeg)
                _add(archive, f"{names[-1]}.txt", "".join(box.line() for box in frame.boxes))
                progress(done, total)
            _add(archive, "data/train.txt", "".join(f"{name}.jpg\n" for name in names))
        files.publish(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def make_frames(seed: int, total: int) -> Iterator[Frame]:
    """Frames 0 to `total` - 1, camera by camera, drawn by `PROCESSES` at a time."""
    numbers = sorted(range(total), key=lambda index: (index % CAMERAS, index))
    # Spawned, not forked: the caller may run threads.
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        yield from pool.imap(partial(make_frame, seed), numbers, chunksize=4)


def _add(archive: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=WRITTEN)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
