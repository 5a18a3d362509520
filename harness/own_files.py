"""Where this project's own files lie: specs, defaults, pins, and the operations that a bench times.

In a checkout, in sources that were unpacked and in an image they lie beside the packages. A wheel carries
them inside this package, where build_package.py puts them. There the specs and defaults of a checkout come
first in which the command is given, so that a person who edits them sees it; code is always that of the
wheel.
"""

import os
from pathlib import Path

PACKAGES = Path(__file__).resolve().parent.parent  # the folder of harness, made_frames, probe and yolo_v4
CARRIED = PACKAGES / "harness" / "carried"
IS_INSTALLED = CARRIED.is_dir()  # from a wheel
# What a wheel carries, under the same paths as in a checkout; people's own additions stay with them.
IN_WHEEL = ("bench", "constraints.txt", "luigi.cfg", "pyproject.toml", "specs")
PERSONAL = "*.mine.toml"
EDITABLE = ("README.md", "luigi.cfg", "results", "specs")


def own(path: str) -> Path:
    """Where the file or folder lies that a checkout has at `path`; it need not be there."""
    top = path.split("/")[0]
    if IS_INSTALLED and top in EDITABLE and _is_checkout(Path()):
        return Path.cwd() / path
    return (CARRIED if IS_INSTALLED and top in (*EDITABLE, *IN_WHEEL) else PACKAGES) / path


def _is_checkout(folder: Path) -> bool:
    """Whether the sources of this project lie in `folder`."""
    try:
        declared = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    parts = (folder / "harness" / "own_files.py", folder / "specs" / "recipes")
    return 'name = "jamcam-harness"' in declared.splitlines() and all(path.exists() for path in parts)


def personal_file(declared: Path) -> Path:
    """Where a person's own additions to a file of `specs/` lie: beside it, `<name>.mine.toml`.

    What pip installed is not for editing: additions to that lie in the user's folder of settings, such as
    `~/.config/jamcam/platforms/jade.mine.toml`.
    """
    name = f"{declared.stem}.mine.toml"
    if not declared.is_relative_to(CARRIED):
        return declared.with_name(name)
    settings = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(settings).expanduser() / "jamcam" / declared.parent.name / name


def command(verb: str, **options: str) -> str:
    """How a person types a verb where this program runs: make is in a checkout only."""
    if IS_INSTALLED:
        words = [f"--{name.replace('_', '-')}={text}" for name, text in options.items()]
        return " ".join(["jamcam", verb, *words])
    return " ".join(["make", verb, *(f"{name.upper()}={text}" for name, text in options.items())])


def install_command(extra: str, *, target: str = "") -> str:
    """What installs the packages of an extra of pyproject.toml where this program runs.

    Args:
        target: of make, that installs them, too.
    """
    if IS_INSTALLED:
        return f"pip install 'jamcam-harness[{extra}]'"
    by_make = f"make {target}, which installs what is needed; or " if target else ""
    return f"{by_make}pip install -e '.[{extra}]'"
