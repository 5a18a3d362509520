"""From a table of a settings file to a frozen value; refuses unknown and missing keys and wrong types."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from harness.errors import ConfigError

T = TypeVar("T")
# A thousand records have some sixty thousand tables.
_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def closest(word: str, known: Collection[str]) -> str:
    """The known word most like `word`, or "" when none is."""
    import difflib  # loaded only where something is wrong

    return next(iter(difflib.get_close_matches(word, sorted(known), n=1)), "")


def nearest(word: str, known: Collection[str]) -> str:
    """The known word most like `word`, or all of them when none is."""
    return closest(word, known) or ", ".join(sorted(known))


def from_table(kind: type[T], table: Mapping[str, Any], *, where: str) -> T:
    """Make a dataclass from the keys of `table`.

    Args:
        kind: a keyword-only dataclass; fields without a default must be given.
        where: the file (and part of it) for messages.

    Raises:
        ConfigError: a key is unknown or missing, a value has another type than its field, or it lies outside
            of the `minimum` and `maximum` in the field's metadata.
    """
    known: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ConfigError(
                f"{where}: unknown key '{key}'", remedy=f"write {nearest(key, known)}, or remove the line"
            )
    hints = _hints(kind)
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _typed(table[name], hints[name], f"{where}: {name}")
            _require_in_range(values[name], field, f"{where}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where}: key '{name}' is missing", remedy=f"add a line {name} = ...")
    return kind(**values)


def _require_in_range(value: Any, field: Field[Any], where: str) -> None:
    least, most = field.metadata.get("minimum"), field.metadata.get("maximum")
    if value is None or not field.metadata:
        return
    if least is not None and not value >= least:
        raise ConfigError(f"{where}: found {value}, expected {least} or more", remedy="correct the line")
    if most is not None and not value <= most:
        raise ConfigError(f"{where}: found {value}, expected {most} or less", remedy="correct the line")


def _typed(value: Any, hint: Any, where: str) -> Any:
    expected, inner = get_origin(hint) or hint, get_args(hint)
    if expected is UnionType:  # of None and one other, or of scalars
        choices = [choice for choice in inner if choice is not NoneType]
        return value if value is None or len(choices) > 1 else _typed(value, choices[0], where)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        return from_table(hint, value, where=where)
    if expected is tuple:
        if not isinstance(value, list):
            raise ConfigError(
                f"{where}: found {value!r}, expected a list", remedy="write it in [square, brackets]"
            )
        return (
            tuple(_typed(one, inner[0], f"{where} {place}") for place, one in enumerate(value))
            if inner
            else tuple(value)
        )
    if expected is float and type(value) is int:
        return float(value)
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        word = getattr(expected, "__name__", str(expected))
        raise ConfigError(
            f"{where}: found {value!r}, expected a value of type {word}", remedy="correct the line"
        )
    return value
