"""What must not be in a file for strangers: places on this machine, and names and secrets in addresses."""

import re
from collections.abc import Sequence
from mmap import mmap
from pathlib import Path
from typing import Any

from harness.settings.address import SECRET_OF_ADDRESS, USER_OF_ADDRESS

ELSEWHERE = "…/"  # stands for the folders in front of a file's name
# A path from the root, also after `=` or `:`, but not what follows a host in an address or a variable.
ABSOLUTE = re.compile(r"(?:file://|(?<![\w./~}*-]))/(?!/)(?:[^\s\"'`,;:=<>|()\[\]{}/]+/)+(?=[^\s\"'`,;/])")
LEAST_TELLING = 2  # parts of a path: `/` alone stands in files of all kinds


def places_of(*folders: Path) -> tuple[str, ...]:
    """The texts by which a file gives away that it was made in one of these folders, the longest first."""
    known = {str(each) for folder in folders for each in (folder, folder.resolve())}
    return tuple(sorted((each for each in known if len(Path(each).parts) >= LEAST_TELLING), key=len)[::-1])


def without_machine_paths(text: str, places: Sequence[str]) -> str:
    """The text with paths below a place relative to it, and of other absolute paths the last part alone.

    Names, passwords and keys in addresses are left out, too.
    """
    for place in places:
        text = re.sub(rf"(?:file://|(?<![\w.}}-])){re.escape(place)}(?:/|(?![\w.-]))", "", text)
    text = ABSOLUTE.sub(ELSEWHERE, text)
    return SECRET_OF_ADDRESS.sub(rf"\1{ELSEWHERE[0]}", USER_OF_ADDRESS.sub("", text))


def told_to_strangers(value: Any, places: Sequence[str]) -> Any:
    """A value of JSON in which every text is `without_machine_paths`."""
    if isinstance(value, str):
        return without_machine_paths(value, places)
    if isinstance(value, dict):
        return {key: told_to_strangers(each, places) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [told_to_strangers(each, places) for each in value]
    return value


def place_in(content: bytes | mmap, places: Sequence[str]) -> str:
    """The first of the places that a file of any kind names; "" where it names none."""
    return next((place for place in places if content.find(f"{place}/".encode()) >= 0), "")
