"""When a picture was taken and by which camera, as far as names, EXIF data and videos tell.

Times are those of a clock on the wall where the name or EXIF data tell them, and UTC where a video does.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from PIL import Image

from yolo_v4.data.picture_file import damaged_exif_ignored
from yolo_v4.prediction.inputs import Item

# Year, month and day with one mark or none between them, then hour, minute and perhaps second.
_MOMENT = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"[T_ /.-]{0,3}([01]\d|2[0-3])[-_.:h]?([0-5]\d)(?:[-_.:m]?([0-5]\d))?(?!\d)"
)
_MARKS = " -_.,~"
_DATE = re.compile(r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[T_ -]?[\d-]{4,8})?")
EXIF, TAKEN, CHANGED = 0x8769, 0x9003, 0x0132  # tags: of the block, DateTimeOriginal, DateTime
FIRST_YEAR = 1990  # clocks that were never set tell 1904, 1970 or 1980


class Named(NamedTuple):
    """What the name of a picture or video tells: when it was taken, and what stands before the time in it."""

    moment: datetime | None
    before: str


def named(item: Item) -> Named:
    """What the name of an item tells; folders count as part of the time, as in `2019-07-12/0815.jpg`."""
    folder, _, name = item.name.rpartition("/")
    for text, start in ((name, 0), (f"{folder}/{name}", len(folder) + 1)):
        for match in _MOMENT.finditer(text):
            if moment := _moment(match):
                return Named(moment, text[start : max(match.start(), start)].strip(_MARKS))
    return Named(None, "")


def cameras(items: Sequence[Item]) -> list[str]:
    """The camera of each item: its folder, and what stands before the time in its name.

    Of pictures that counts only where several share it, and of a video without a time its whole name does.
    Folders that are dates do not count.
    """
    told = [named(item) for item in items]
    folders = ["/".join(filter(None, map(_undated, _folders(item)))) for item in items]
    shared = Counter(zip(folders, (one.before for one in told), strict=True))
    found = []
    for item, folder, one in zip(items, folders, told, strict=True):
        own = one.before if item.is_video or shared[folder, one.before] > 1 else ""
        if item.is_video and one.moment is None:
            own = item.path.stem
        parts = [folder] if own in ("", folder.rpartition("/")[2]) else [folder, own]
        found.append("/".join(filter(None, parts)) or item.path.parent.name or "/")
    return found


def exif_moment(picture: Image.Image) -> datetime | None:
    """When a picture was taken, by its EXIF data; None where they do not tell, or are damaged."""
    with damaged_exif_ignored():
        exif = picture.getexif()
        text = exif.get_ifd(EXIF).get(TAKEN) or exif.get(CHANGED)
        return plausible(datetime.strptime(str(text).strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S"))
    return None


def plausible(moment: datetime) -> datetime | None:
    """The moment, unless a clock that was never set told it."""
    return moment if moment.year >= FIRST_YEAR else None


def _moment(match: "re.Match[str]") -> datetime | None:
    year, _, month, day, hour, minute, second = match.groups(default="0")
    try:
        return plausible(datetime(int(year), int(month), int(day), int(hour), int(minute), int(second)))
    except ValueError:  # 31 June
        return None


def _folders(item: Item) -> list[str]:
    return item.name.split("/")[:-1]


def _undated(folder: str) -> str:
    return "" if _DATE.fullmatch(folder) else folder
