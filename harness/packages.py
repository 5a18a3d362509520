"""Which versions of packages this Python sees, and which ones this project pins."""

import re
import sys
from pathlib import Path

from harness.own_files import own

CONSTRAINTS = own("constraints.txt")
PIN = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.+!-]+)")
INFORMATION = re.compile(r"([^-]+)-([^-]+)\.(?:dist|egg)-info")


def pinned(text: str) -> dict[str, str]:
    """Version of each package that a constraints file pins, by its normal name; all else is passed over."""
    pins = (PIN.fullmatch(line.partition("#")[0].strip()) for line in text.splitlines())
    return {normal(pin[1]): pin[2] for pin in pins if pin}


def installed() -> dict[str, str]:
    """Versions of the pinned packages as Python would import them; those that are missing are left out.

    Read off the names of folders: to read the packages' own descriptions takes twenty times as long.
    """
    wanted = pinned(CONSTRAINTS.read_text()) if CONSTRAINTS.exists() else {}
    found: dict[str, str] = {}
    for entry in (Path(entry) for entry in sys.path if entry):
        for folder in sorted(entry.glob("*-info")) if entry.is_dir() else ():
            known = INFORMATION.fullmatch(folder.name)
            if known and normal(known[1]) in wanted:
                found.setdefault(normal(known[1]), known[2])
    return dict(sorted(found.items()))


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
