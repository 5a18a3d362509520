"""Settings as one value: command line, then JAMCAM_*, then luigi.cfg, then recipe and platform, then built-in."""

import configparser
from collections.abc import Mapping
from pathlib import Path

from harness.errors import ConfigError
from harness.settings.dataset import load_dataset
from harness.settings.declared import SPECS
from harness.settings.platform import Platform, load_platform, this_machine
from harness.settings.recipe import Recipe, load_recipe
from harness.settings.table import nearest
from harness.settings.variables import VARIABLES, Layer, Settings, choose

SECTION = "jamcam"


def load_settings(options: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Resolve every variable.

    Args:
        options: what the command line says, by variable name.
        environ: the environment; only JAMCAM_* of it is looked at, and LUIGI_CONFIG_PATH.

    Raises:
        ConfigError: a value or a file is wrong.
    """
    given = (
        Layer(origin="command line", values=options),
        Layer(origin="environment", values=_from_environment(environ)),
        _from_luigi_cfg(environ),
    )
    built_in = Layer(
        origin="built-in",
        values={each.name: each.default for each in VARIABLES if each.default is not None}
        | {"platform": this_machine()},
    )
    known = {variable.name: variable for variable in VARIABLES}
    recipe = load_recipe(choose(known["recipe"], (*given, built_in))[0])
    platform = load_platform(choose(known["platform"], (*given, built_in))[0])
    layers = (*given, _of_recipe(recipe), _of_platform(platform), built_in)
    chosen = {variable.name: choose(variable, layers) for variable in VARIABLES}
    values = {name: value for name, (value, _) in chosen.items()}
    origins = {name: origin for name, (_, origin) in chosen.items()}
    declared = {"recipe": recipe, "platform": platform, "dataset": load_dataset(values["dataset"])}
    paths = {
        **{name: Path(values[name]).expanduser().absolute() for name in ("workspace", "results")},
        "image": str(Path(values["image"]).expanduser().absolute()) if values["image"] else "",
    }
    val_split_pct = values.pop("val_split")
    decided = {name: text for layer in reversed(given) for name, text in layer.values.items()}
    return Settings(
        **{**values, **declared, **paths},
        val_split_pct=val_split_pct,
        origins=origins,
        given=dict(options),
        decided=decided,
        via_make=environ.get("JAMCAM_VIA") == "make",
    )


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    names = {f"JAMCAM_{variable.name.upper()}": variable.name for variable in VARIABLES}
    return {names[name]: text for name, text in environ.items() if name in names}


def _from_luigi_cfg(environ: Mapping[str, str]) -> Layer:
    path = luigi_cfg(environ)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except configparser.Error as error:
        raise ConfigError(f"{path}: {error}", remedy=f"correct {path}") from error
    values = dict(parser[SECTION]) if parser.has_section(SECTION) else {}
    for key in values:
        if key not in {variable.name for variable in VARIABLES}:
            known = [variable.name for variable in VARIABLES]
            raise ConfigError(f"{path}: unknown key '{key}' in [{SECTION}]", remedy=f"write {nearest(key, known)}")
    return Layer(origin=str(path), values=values)


def luigi_cfg(environ: Mapping[str, str]) -> Path:
    """The configuration file in force: LUIGI_CONFIG_PATH, else the one here, else the one of the checkout."""
    if environ.get("LUIGI_CONFIG_PATH"):
        return Path(environ["LUIGI_CONFIG_PATH"])
    here = Path("luigi.cfg")
    return here if here.is_file() else SPECS.parent / "luigi.cfg"


def _of_recipe(recipe: Recipe) -> Layer:
    names = ("dataset", "pretrained", "pretrained_sha256", "epochs", "batch", "seed", "limit")
    values = {name: str(getattr(recipe, name)) for name in names}
    return Layer(origin=f"recipe {recipe.name}", values={**values, "val_split": str(recipe.val_split_pct)})


def _of_platform(platform: Platform) -> Layer:
    names = ("image", "tao_version", "gpus", "nodes", "account", "qos", "partition", "wall_time")
    return Layer(origin=f"platform {platform.name}", values={name: str(getattr(platform, name)) for name in names})
