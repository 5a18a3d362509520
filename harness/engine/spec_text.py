"""Spec templates: filling in their blanks, and reading the fields that the harness needs."""

import re
from collections.abc import Mapping, Sequence
from string import Template

from harness.errors import ConfigError


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
    return re.search(r"\bearly_stopping\b", _without_comments(text)) is not None


def class_mapping(text: str) -> dict[str, str]:
    """Source class -> target class, lower case as TAO has them."""
    pairs = re.findall(r"target_class_mapping\s*:?\s*\{([^}]*)\}", _without_comments(text))
    mapping = {}
    for pair in pairs:
        parts = dict(re.findall(r"\b(key|value)\s*:\s*[\"']([^\"']*)[\"']", pair))
        mapping[parts.get("key", "").lower()] = parts.get("value", "").lower()
    return mapping


def anchors_literal(anchors: Sequence[Sequence[float]]) -> str:
    """Anchors (width, height in pixels) as TAO writes a list of them."""
    return "[" + ", ".join(f"({width:.2f}, {height:.2f})" for width, height in anchors) + "]"


def _value(text: str, field: str, where: str) -> str:
    # As in protobuf text, the last value of a field counts.
    values = re.findall(rf"\b{field}\s*:\s*(\"[^\"]*\"|'[^']*'|[^\s\"']+)", _without_comments(text))
    if not values:
        raise ConfigError(f"{where} does not say {field}", remedy=f"add a line {field}: ...")
    return str(values[-1])


def _without_comments(text: str) -> str:
    return re.sub(r"#.*", "", text)
