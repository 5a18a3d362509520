"""Recipes and platforms: TOML files in `specs/`, or wherever a path says."""

import platform as machine

from harness.domain.platform import Platform, fault
from harness.domain.recipe import Recipe
from harness.domain.table import from_table
from harness.errors import ConfigError
from harness.store.declared import declared_names, find_declared, read_toml


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of that name, or that the file at that path describes.

    Raises:
        ConfigError: there is none, or it says something that a recipe does not say.
    """
    path = find_declared("recipes", name_or_path)
    return from_table(Recipe, {"name": path.stem, **read_toml(path)}, where=str(path))


def load_platform(name_or_path: str) -> Platform:
    """The platform of that name, or that the file at that path describes; `<name>.mine.toml` beside it wins over it.

    Raises:
        ConfigError: there is none, or it says something that a platform does not say.
    """
    path = find_declared("platforms", name_or_path)
    table, mine = read_toml(path), path.with_suffix(".mine.toml")
    if mine.is_file():
        table |= read_toml(mine)
    platform = from_table(Platform, {"name": path.stem, **table}, where=str(path))
    if fault(platform):
        raise ConfigError(f"{path}: {fault(platform)}", remedy="correct that line")
    return platform


def platforms() -> list[Platform]:
    """Every platform there is a file for, by name."""
    return [load_platform(name) for name in declared_names("platforms")]


def this_machine() -> str:
    """The platform of a machine without queue: WSL 2 says what it is in its kernel's name."""
    return "wsl2" if "microsoft" in machine.uname().release.lower() else "local"
