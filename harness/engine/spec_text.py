"""Spec templates: their tokens, filling in their blanks, and reading the fields that the harness needs."""

import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from string import Template
from typing import NamedTuple

from harness.errors import ConfigError
from harness.settings.variables import Settings

# Protobuf text: comments, which are no tokens; strings; words, also `${blank}`; marks; a quote alone.
_PIECE = re.compile(
    r"""\#[^\n]*
    | (?P<token> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
    | (?:\$\{\w+\} | [^\s"'#{}\[\]<>:;,])+ | [{}\[\]<>:;,"'] )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A word, number, quoted string or mark of a spec."""

    text: str
    line: int  # from 1
    start: int  # in characters from the start of the spec


@functools.lru_cache(maxsize=16)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a spec or of a template; a quote that is not closed on its line is one by itself."""
    found, line, counted = [], 1, 0
    for piece in _PIECE.finditer(text):
        if piece["token"]:
            line += text.count("\n", counted, piece.start())
            counted = piece.start()
            found.append(Token(piece["token"], line, counted))
    return tuple(found)


def canonical(text: str) -> str:
    """A spec without what changes nothing: a token a line, and no comments."""
    return "\n".join(token.text for token in tokens(text))


def fill(template: str, values: Mapping[str, str], *, where: str) -> str:
    """`template` with every `$blank` replaced.

    Args:
        where: the template's file name, for messages.

    Raises:
        ConfigError: a blank has no value, a value has no blank, or a dollar sign begins no name.
    """
    blanks: dict[str, int] = {}
    for number, line in enumerate(template.splitlines(), start=1):
        for match in Template.pattern.finditer(line):
            name = match["named"] or match["braced"]
            if name is None and match["escaped"] is None:
                raise ConfigError(
                    f"{where} line {number}: a $ that begins no name", remedy="write $$ for a dollar sign"
                )
            blanks.setdefault(name or "", number)
    blanks.pop("", None)
    for name, number in blanks.items():
        if name not in values:
            known = ", ".join(f"${word}" for word in values)
            raise ConfigError(f"{where} line {number}: nothing fills ${name}", remedy=f"use one of {known}")
    for name in values:
        if name not in blanks:
            raise ConfigError(
                f"{where} has no blank ${name}, so that setting would do nothing",
                remedy=f"write ${name} where its value belongs, "
                "as in the template of that name in the checkout",
            )
    return Template(template).substitute(values)


def numbers_of_run(settings: Settings) -> dict[str, str]:
    """The blanks that settings fill, and what with."""
    return {
        "epochs": str(settings.epochs),
        "batch": str(settings.batch),
        "checkpoint_interval": str(min(settings.recipe.checkpoint_interval, settings.epochs)),
        "seed": str(settings.seed),
    }


def network_size(text: str, *, where: str) -> tuple[int, int]:
    """Width and height of the network input in pixels."""
    return int(_value(text, "output_width", where)), int(_value(text, "output_height", where))


def architecture(text: str, *, where: str) -> str:
    """The name TAO gives to files of this network, such as resnet18."""
    arch = _value(text, "arch", where).strip("\"'")
    layered = arch in {"resnet", "darknet", "cspdarknet", "vgg"}
    return arch + (_value(text, "nlayers", where) if layered else "")


def matching_iou(text: str, *, where: str) -> float:
    """The overlap (IoU) from which a predicted box counts as correct."""
    return float(_value(text, "matching_iou_threshold", where))


def may_stop_early(text: str) -> bool:
    """Whether training may end before its last epoch."""
    return any(token.text == "early_stopping" for token in tokens(text))


def has_extension(text: str) -> bool:
    """Whether a spec goes beyond NVIDIA's program, which refuses one that does."""
    return any(token.text == "extension" for token in tokens(text))


def class_mapping(text: str) -> dict[str, str]:
    """Source class -> target class, lower case as TAO has them."""
    mapping = {}
    words = [token.text for token in tokens(text)]
    for place, word in enumerate(words):
        if word == "target_class_mapping" and "}" in words[place:]:
            entry = words[place : words.index("}", place)]
            parts = {name: value.strip("\"'") for name, mark, value in _threes(entry) if mark == ":"}
            mapping[parts.get("key", "").lower()] = parts.get("value", "").lower()
    return mapping


def with_value(text: str, block: str, field: str, value: str, *, where: str) -> str:
    """`text` with another value of a field that stands directly in an outermost block.

    Raises:
        ConfigError: the block has no such field.
    """
    opened, last, place = [], "", None
    for name, mark in itertools.pairwise((*tokens(text), Token("", 0, 0))):
        if name.text == "{":
            opened.append(last)
        elif name.text == "}":
            opened = opened[:-1]
        elif name.text not in ":,;":
            last = name.text
        if (opened, name.text, mark.text) == ([block], field, ":"):
            place = mark.start + 1
    if place is None:
        raise ConfigError(f"{where}: no {field} in {block}", remedy=f"add a line {field}: {value} to {block}")
    old = next(token for token in tokens(text) if token.start >= place)
    return f"{text[: old.start]}{value}{text[old.start + len(old.text) :]}"


def anchors_literal(anchors: Sequence[Sequence[float]]) -> str:
    """Anchors (width, height in pixels) as TAO writes a list of them."""
    return "[" + ", ".join(f"({width:.2f}, {height:.2f})" for width, height in anchors) + "]"


def _value(text: str, field: str, where: str) -> str:
    # As in protobuf text, the last value of a field counts.
    words = [token.text for token in tokens(text)]
    values = [value for name, colon, value in _threes(words) if (name, colon) == (field, ":")]
    if not values:
        raise ConfigError(f"{where} does not say {field}", remedy=f"add a line {field}: ...")
    return values[-1]


def _threes(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    return zip(words, words[1:], words[2:], strict=False)
