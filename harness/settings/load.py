"""Settings from the command line, then JAMCAM_*, luigi.cfg, recipe and platform, then built-in values."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import ConfigError
from harness.own_files import CARRIED, IS_INSTALLED, own
from harness.settings.platform import Platform, this_machine
from harness.settings.recipe import Recipe
from harness.settings.table import nearest
from harness.settings.variables import VARIABLES, WITHDRAWN, Settings, Variable

SECTION = "jamcam"
NAMES = tuple(variable.name for variable in VARIABLES)


class Layer(NamedTuple):
    """One place that settings come from: its name, and what it says, by the name of the setting."""

    origin: str
    texts: Mapping[str, str]


def load_settings(
    options: Mapping[str, str], environ: Mapping[str, str], taken: Collection[str] = NAMES
) -> Settings:
    """Resolve every setting.

    Args:
        options: what the command line says, by the name of the setting.
        environ: the environment; only JAMCAM_* of it is looked at, and LUIGI_CONFIG_PATH.
        taken: the settings that the verb takes. Environment and luigi.cfg are there for every verb: what they
            say of other settings is ignored.

    Raises:
        ConfigError: a value or a file is wrong.
    """
    names = {f"JAMCAM_{name.upper()}": name for name in (*NAMES, *WITHDRAWN)}
    environment = {names[name]: text for name, text in environ.items() if name in names}
    standing = (Layer("environment", environment), _from_luigi_cfg(environ))
    user = (
        Layer("command line", options),
        *(
            Layer(origin, {name: text for name, text in texts.items() if name in taken})
            for origin, texts in standing
        ),
    )
    defaults = {each.name: each.default for each in VARIABLES}
    built_in = Layer("built-in", {**defaults, "platform": this_machine()})
    known = dict(zip(NAMES, VARIABLES, strict=True))
    # These two say the defaults of others.
    chosen = {name: value_of(known[name], (*user, built_in)) for name in ("recipe", "platform")}
    layers = (*user, *(_defaults_of(value) for value, _ in chosen.values()), built_in)
    chosen |= {name: value_of(known[name], layers) for name in NAMES if name not in chosen}
    return Settings(
        **{known[name].field: value for name, (value, _) in chosen.items()},
        origins={name: chosen[name][1] for name in NAMES},
        cli_options=dict(options),
        overrides={name: text for layer in reversed(user) for name, text in layer.texts.items()},
        via_make=environ.get("JAMCAM_VIA") == "make",
        remarks=(*_own_remarks(), *(remark for layer in standing for remark in _remarks(layer))),
    )


def value_of(variable: Variable, layers: Sequence[Layer]) -> tuple[Any, str]:
    """The value of `variable` in the first layer that has one, and that layer's origin; the last one has all.

    Raises:
        ConfigError: the text is not what the variable takes.
    """
    layer = next(layer for layer in layers if variable.name in layer.texts)
    text = layer.texts[variable.name]
    try:
        return variable.read(text), layer.origin
    except ValueError as error:
        raise ConfigError(
            f"{variable.name} is '{text}' ({layer.origin}), expected {variable.expected}",
            remedy=f"give {variable.option} {variable.expected}",
        ) from error


def _remarks(layer: Layer) -> Iterator[str]:
    for name, instead in WITHDRAWN.items():
        if name in layer.texts:
            yield f"{name} does nothing any more ({layer.origin}): {instead}"


def _own_remarks() -> Iterator[str]:
    """Files of a folder decide something here, and somebody else may have written them."""
    if IS_INSTALLED and (folder := own("specs").parent) != CARRIED:
        yield f"specs and defaults are those of the checkout {folder}"


def _defaults_of(source: Recipe | Platform) -> Layer:
    kind = type(source).__name__.lower()
    texts = {each.name: str(getattr(source, each.field)) for each in VARIABLES if each.default_from == kind}
    return Layer(f"{kind} {source.name}", texts)


def luigi_cfg(environ: Mapping[str, str]) -> Path:
    """The configuration file in force: LUIGI_CONFIG_PATH, else the one here, else our own."""
    if environ.get("LUIGI_CONFIG_PATH"):
        return Path(environ["LUIGI_CONFIG_PATH"])
    here = Path("luigi.cfg")
    return here if here.is_file() else own("luigi.cfg")


def _from_luigi_cfg(environ: Mapping[str, str]) -> Layer:
    path = luigi_cfg(environ)
    text = path.read_text() if path.exists() else ""
    texts = {} if _says_nothing(text) else _section(path, text)
    for key in texts:
        if key not in (*NAMES, *WITHDRAWN):
            raise ConfigError(
                f"{path}: unknown key '{key}' in [{SECTION}]", remedy=f"write {nearest(key, NAMES)}"
            )
    return Layer(str(path), texts)


def _says_nothing(text: str) -> bool:
    """Whether the section has comments only, as in the file that we ship: then no parser is needed."""
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    ours = [section for section in sections if section.startswith(f"[{SECTION}]")]
    if len(ours) != 1 or "[DEFAULT]" in text:
        return False
    return all(line.strip()[:1] in ("", "#", ";") for line in ours[0].splitlines()[1:])


def _section(path: Path, text: str) -> dict[str, str]:
    import configparser

    # Lines of the file that comes with the harness can be uncommented as they stand, with the help behind
    # them.
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise ConfigError(f"{path}: {error}", remedy=f"correct {path}") from error
    return dict(parser[SECTION]) if parser.has_section(SECTION) else {}
