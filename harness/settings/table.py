"""From a table of a settings file to a frozen value; refuses unknown and missing keys and wrong types."""

import math
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from harness.errors import ConfigError

T = TypeVar("T")
# Metadata of fields: what JSON Schema says of a number, and what is refused of a file.
NOT_NEGATIVE = {"minimum": 0}
PERCENT = {"minimum": 0, "maximum": 100}
MOST = sys.float_info.max
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
    if not isinstance(table, Mapping):  # JSON can hold anything
        raise ConfigError(f"{where}: found {table!r}, expected a table", remedy="correct it, or remove it")
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
            if field.metadata:
                require_in_range(values[name], field.metadata, f"{where}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where}: key '{name}' is missing", remedy=f"add a line {name} = ...")
    return kind(**values)


def require_in_range(value: Any, limits: Mapping[str, Any], where: str) -> None:
    """Refuse numbers outside of limits, which are those of JSON Schema; None is not a number.

    Args:
        value: a number, None, or a list or table of them.
        limits: `minimum` and `maximum`; of a list below `items`, of a table below `additionalProperties`.
        where: the file (and part of it) for messages.

    Raises:
        ConfigError: a number lies outside.
    """
    if isinstance(value, Mapping):
        for name, one in value.items():
            require_in_range(one, limits.get("additionalProperties", {}), f"{where} {name}")
    elif isinstance(value, tuple):
        for place, one in enumerate(value):
            require_in_range(one, limits.get("items", {}), f"{where} {place}")
    elif isinstance(value, int | float):
        least, most = limits.get("minimum", -math.inf), limits.get("maximum", math.inf)
        if not least <= value <= most:
            bound = f"{most} or less" if value >= least else f"{least} or more"
            raise ConfigError(f"{where}: found {value}, expected {bound}", remedy="correct the line")


def _typed(value: Any, hint: Any, where: str) -> Any:
    expected, inner = get_origin(hint) or hint, get_args(hint)
    if expected is UnionType:  # of None and one other, or of scalars
        choices = tuple(choice for choice in inner if choice is not NoneType)
        if value is None:
            return value
        return _scalar(value, choices, where) if len(choices) > 1 else _typed(value, choices[0], where)
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
    if expected is Mapping and inner and isinstance(value, Mapping):
        return {name: _typed(one, inner[1], f"{where} {name}") for name, one in value.items()}
    if expected is float and type(value) is int and abs(value) <= MOST:
        return float(value)
    return _scalar(value, (expected,), where)


def _scalar(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    """A value of one of these types; truth is no number, and no number is endless, as 1e999 is."""
    is_known = Any in kinds or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)))
    if not is_known or (isinstance(value, float) and not math.isfinite(value)):
        words = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
        raise ConfigError(
            f"{where}: found {value!r}, expected a value of type {words}", remedy="correct the line"
        )
    return value
