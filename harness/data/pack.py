"""Write what was found as an archive of the one format that `download` reads, CVAT's "YOLO 1.1"."""

import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from harness.data.archive import NAMES
from harness.data.source import Found, Picture, Source
from harness.progress import Progress

MOMENT = (1980, 1, 1, 0, 0, 0)  # the same archive whenever it is packed


def pack(source: Source, found: Found, target: Path, *, say: Callable[[str], None]) -> None:
    """Pack every picture, unchanged, with its label beside it, below `obj_<subset>_data`."""
    part = target.with_name(f".{target.name}.part")
    try:
        with (
            zipfile.ZipFile(part, "w") as archive,
            Progress("packing", len(found.pictures), unit="pictures", say=say) as progress,
        ):
            _add(archive, NAMES, "".join(f"{name}\n" for name in found.classes).encode())
            for place, picture in zip(_places(found.pictures), found.pictures, strict=True):
                ending = PurePosixPath(picture.name).suffix
                _add(archive, f"{place}{ending}", source.read(picture.name))
                _add(archive, f"{place}.txt", picture.label.encode())
                progress.advance()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _places(pictures: list[Picture]) -> list[str]:
    """Paths without ending, each once: of pictures that differ in the ending alone, later ones carry it."""
    taken: set[str] = set()
    places = []
    for picture in pictures:
        name = PurePosixPath(picture.name)
        folder = "/".join(filter(None, (f"obj_{picture.subset}_data", picture.folder)))
        stem, number = f"{folder}/{name.stem}", 1
        place = stem
        while place in taken:
            place = f"{stem}_{name.suffix[1:].lower()}" + (f"_{number}" if number > 1 else "")
            number += 1
        taken.add(place)
        places.append(place)
    return places


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Pictures are compressed already; labels are small.
    archive.writestr(zipfile.ZipInfo(name, date_time=MOMENT), content)
