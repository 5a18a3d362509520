"""A data set's archive, a CVAT export in the format "YOLO 1.1": what it offers, and its frames unpacked."""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.data.frames import PICTURES, Frame, Pairing, is_data_folder, pair_members
from harness.data.pictures import picture_problem, upright_jpeg
from harness.data.zip_file import list_members, open_zip, read_member, read_text, unfit
from harness.errors import DataError
from harness.progress import Progress

NAMES = "obj.names"
GIVE_A_SUBSET = "a task exports its frames in a subset: in CVAT give the task one, such as Train"
# Written by some editors and seen by nobody: byte order mark, and blanks and joiners without width.
INVISIBLE = re.compile("[\ufeff\u200b-\u200d\u2060]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What an archive offers: its class names in order, and its frames."""

    classes: tuple[str, ...]
    pairing: Pairing


def read_contents(path: Path) -> Contents:
    """Read a CVAT "YOLO 1.1" export: `obj.names` and `obj_…_data/`, at the top or together in one folder.

    Raises:
        DataError: not a zip archive, a truncated one, one that breaks a bound, or one without class names or
            frames.
    """
    with open_zip(path) as archive:
        members = list_members(archive, path)
        names = [info.filename for info in members if PurePosixPath(info.filename).name == NAMES]
        if len(names) != 1:
            raise _not_one_export(path, names, [info.filename for info in members])
        top = names[0][: -len(NAMES)]
        below = [info.filename for info in members if _is_below_data(info.filename, top)]
        lines = INVISIBLE.sub("", read_text(archive, names[0], path)).splitlines()
        classes = tuple(line.strip() for line in lines if line.strip())
    if not classes:
        raise unfit(path, f"no class name in {names[0]}", "one a line")
    pairing = pair_members(below)
    if not pairing.frames:
        raise _no_frames(path, top, below)
    return Contents(classes=classes, pairing=pairing)


def _not_one_export(path: Path, names: Sequence[str], members: Sequence[str]) -> DataError:
    """Why there is not exactly one obj.names, as far as the other members tell."""
    files = [PurePosixPath(name) for name in members]
    inner = [str(file) for file in files if file.suffix.lower() == ".zip"]
    if names:
        return unfit(
            path,
            f"{len(names)} exports ({', '.join(names)})",
            "one",
            remedy="export the project in place of its tasks, so that they become subsets; "
            "or unpack it and give one of them",
        )
    if inner:
        return unfit(
            path,
            f"another archive, {', '.join(inner)}",
            "the export itself",
            remedy="unpack it, and give the archive inside",
        )
    if {"data.yaml", "data.yml"} & {file.name for file in files} or any(
        file.suffix.lower() in (".json", *PICTURES) for file in files
    ):
        return unfit(
            path,
            f"no {NAMES}, but {', '.join(map(str, files[:3]))} …",
            'an export in the format "YOLO 1.1"',
            remedy="jamcam new-dataset FILE, which takes other layouts; or export it as YOLO 1.1",
        )
    return unfit(path, f"0 files {NAMES}", "exactly one, beside obj_train_data")


def _no_frames(path: Path, top: str, below: Sequence[str]) -> DataError:
    endings = Counter(PurePosixPath(name).suffix.lower() for name in below)
    pictures = sum(count for ending, count in endings.items() if ending in PICTURES)
    found = f"{pictures} pictures and {endings['.txt']} labels below {top}obj_…_data"
    causes = {
        not below: GIVE_A_SUBSET,
        bool(below) and not pictures: 'export it with "Save images" on',
        bool(pictures): "give each picture a .txt of the same name (empty: no objects)",
    }
    return unfit(path, found, "pictures, each with a .txt beside it", remedy=causes[True])


def damaged_pictures(path: Path, frames: Sequence[Frame], *, say: Callable[[str], None]) -> dict[str, str]:
    """Stems of the frames whose pictures cannot be decoded, and why.

    Raises:
        DataError: a member's content does not have its checksum.
    """
    found = {}
    with open_zip(path) as archive, Progress("decoding", len(frames), unit="frames", say=say) as progress:
        for frame in frames:
            picture, _ = upright_jpeg(read_member(archive, frame.picture, path))
            if problem := picture_problem(picture):
                found[frame.stem] = f"{frame.picture}: {problem}"
            progress.advance()
    return found


def unpack(
    path: Path, frames: Sequence[Frame], *, images: Path, labels: Path, say: Callable[[str], None]
) -> list[str]:
    """Write the picture and label of each frame as `<stem>.jpg` and `<stem>.txt` into two folders.

    Returns:
        For each frame what was done to make its picture an upright JPEG, "" where its bytes were kept.

    Raises:
        DataError: a member's content does not have its checksum, or the disk is too small.
    """
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    changes = []
    with open_zip(path) as archive:
        needed_bytes = sum(archive.getinfo(name).file_size for f in frames for name in (f.picture, f.label))
        free_bytes = shutil.disk_usage(images).free
        if free_bytes < needed_bytes:
            raise DataError(
                f"{path.name} unpacks to {needed_bytes / 1e6:.0f} MB, "
                f"{free_bytes / 1e6:.0f} MB are free in {images}",
                remedy="make room, or choose another WORKSPACE",
            )
        with Progress(f"unpacking {path.name}", len(frames), unit="frames", say=say) as progress:
            for frame in frames:
                picture, done = upright_jpeg(read_member(archive, frame.picture, path))
                (images / f"{frame.stem}.jpg").write_bytes(picture)
                (labels / f"{frame.stem}.txt").write_bytes(read_member(archive, frame.label, path))
                changes.append(done)
                progress.advance()
    return changes


def _is_below_data(member: str, top: str) -> bool:
    return member.startswith(top) and is_data_folder(member[len(top) :].split("/")[0])
