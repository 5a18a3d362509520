"""Recipes and platforms: TOML files in `specs/`, or wherever a path says."""

from harness.domain.platform import Platform
from harness.domain.recipe import Recipe
from harness.domain.table import from_table
from harness.store.declared import find_declared, read_toml


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of that name, or that the file at that path describes.

    Raises:
        ConfigError: there is none, or it says something that a recipe does not say.
    """
    path = find_declared("recipes", name_or_path)
    return from_table(Recipe, {"name": path.stem, **read_toml(path)}, where=str(path))


def load_platform(name_or_path: str) -> Platform:
    """The platform of that name, or that the file at that path describes.

    Raises:
        ConfigError: there is none, or it says something that a platform does not say.
    """
    path = find_declared("platforms", name_or_path)
    return from_table(Platform, {"name": path.stem, **read_toml(path)}, where=str(path))
