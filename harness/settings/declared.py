"""What stands in TOML files under `specs/`: found by name or path, read with words instead of tracebacks."""

import importlib
import sys
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.own_files import own
from harness.settings.table import nearest

# Which of the two there is depends on the Python release; a type checker sees one release only.
tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
SPECS = own("specs")


def find_declared(kind: str, name_or_path: str) -> Path:
    """The file `specs/<kind>/<name>.toml`, or that at a path, which holds a `/` or ends in .toml.

    Raises:
        ConfigError: there is no such file.
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path).expanduser().absolute()
        if not path.is_file():
            raise ConfigError(f"no file at {path}, expected one of {kind}", remedy="correct the path")
        return path
    path = SPECS / kind / f"{name_or_path}.toml"
    if not path.is_file():
        names = declared_names(kind)
        raise ConfigError(
            f"no {name_or_path}.toml in {SPECS / kind}, which has {', '.join(names) or 'none'}",
            remedy=f"take {nearest(name_or_path, names) or 'a path'}, or give a path to a .toml file",
        )
    return path


def declared_names(kind: str) -> list[str]:
    """Names of the files in `specs/<kind>`, without people's own additions (`<name>.mine.toml`)."""
    return sorted(file.stem for file in (SPECS / kind).glob("*.toml") if not file.stem.endswith(".mine"))


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigError: it is not TOML, or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            content: dict[str, Any] = tomllib.load(stream)
            return content
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits
        raise ConfigError(f"{path} is not TOML: {error}", remedy="correct that line") from error
