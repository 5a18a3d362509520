"""The frames of labelled archives as KITTI folders, divided by camera and day, never by frame.

An archive is an export of CVAT as "YOLO 1.1": `data/obj.names`, and below `data/obj_train_data` a folder for
each camera or day, with pictures (.jpg) and label files of the same names.
"""

import io
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from judging import CAMERA_MARK
from PIL import Image

from harness.errors import DataError
from harness.files import read_json, sha256_file, write_json

FRAMES = "data/obj_train_data/"
NAMES = "data/obj.names"
UNPACKED = "unpacked.json"  # in the folder of the frames: of which archives they are
TRAIN = "train"
# Split -> the folders in it; every other folder is trained on. Variants are chosen by the first two splits
# and reported by the others. The street is one camera on days that it was not trained on.
HELD_OUT = {
    "choice-street": r"2017-12-(18|25)",
    "choice-cameras": r"10\d\d",
    "test-street": r"2017-12-16",
    "test-cameras": r"(15|97)\d\d",
}
SPLITS = (TRAIN, *HELD_OUT)


def split_of(folder: str) -> str:
    """The split that the frames of a camera or day belong to."""
    found = [split for split, pattern in HELD_OUT.items() if re.fullmatch(pattern, folder)]
    return found[0] if found else TRAIN


def drawn_by_camera(split: str) -> bool:
    """Whether its interval is over cameras; else over frames, of the one camera that it has."""
    return split.endswith("-cameras")


def prepare(archives: Sequence[Path], target: Path) -> dict[str, int]:
    """Unpack archives into `target/<split>/{images,labels}`; returns the number of frames of each split.

    Nothing is done where it was done before.
    Raises DataError: it was done with other archives.
    """
    digests = [sha256_file(archive) for archive in archives]
    if target.is_dir():
        if read_json(target / UNPACKED).get("sha256") != digests:
            raise DataError(
                f"{target} holds the frames of other archives, or nothing tells of which",
                remedy="give the archives it was made of, or another --work",
            )
    else:
        aside = target.with_name(f"{target.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        for split in SPLITS:
            for kind in ("images", "labels"):
                (aside / split / kind).mkdir(parents=True)
        for archive in archives:
            with zipfile.ZipFile(archive) as opened:
                for folder, name, picture, label in _frames(opened):
                    place = aside / split_of(folder)
                    (place / "images" / f"{folder}{CAMERA_MARK}{name}.jpg").write_bytes(picture)
                    (place / "labels" / f"{folder}{CAMERA_MARK}{name}.txt").write_text(label)
        write_json(aside / UNPACKED, {"sha256": digests})
        aside.rename(target)
    return frame_counts(target)


def frame_counts(data: Path) -> dict[str, int]:
    """The number of frames of each split in a folder that `prepare` made."""
    return {split: len(list((data / split / "images").iterdir())) for split in SPLITS}


def _frames(archive: zipfile.ZipFile) -> Iterator[tuple[str, str, bytes, str]]:
    """Camera or day, name, picture and KITTI label of each frame, in order of their names."""
    classes = archive.read(NAMES).decode().split()
    for member in sorted(archive.namelist()):
        if member.startswith(FRAMES) and member.endswith(".jpg"):
            path = PurePosixPath(member)
            picture = archive.read(member)
            with Image.open(io.BytesIO(picture)) as image:
                size = image.size
            yolo = archive.read(str(path.with_suffix(".txt"))).decode()
            yield path.parent.name, path.stem, picture, kitti_of_yolo(yolo, classes, size)


def kitti_of_yolo(yolo: str, classes: Sequence[str], size: tuple[int, int]) -> str:
    """KITTI lines of lines `class cx cy w h` in shares of a picture of `size` (width, height) in pixels."""
    lines = []
    for row in filter(None, map(str.split, yolo.splitlines())):
        cx, cy, w, h = (float(value) for value in row[1:])
        shares = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        corners = (f"{min(max(s, 0.0), 1.0) * side:.2f}" for s, side in zip(shares, size * 2, strict=True))
        lines.append(f"{classes[int(row[0])]} 0 0 0 {' '.join(corners)} 0 0 0 0 0 0 0\n")
    return "".join(lines)
