"""An experiment spec for other classes and sizes, made from one of the templates."""

from collections.abc import Sequence

from harness.engine.spec_text import Token, tokens, with_value
from harness.errors import ConfigError

STRIDE_PX = 32  # the coarsest grid of the network; sides are multiples of it
LONGEST_SIDE_PX = 640
MAPPING = "target_class_mapping"


def input_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Width and height of the network's input for pictures of a size: whole strides, 640 pixels at most."""
    scale = min(1.0, LONGEST_SIDE_PX / max(width_px, height_px))
    width, height = (max(1, round(side * scale / STRIDE_PX)) * STRIDE_PX for side in (width_px, height_px))
    return width, height


def spec_for(template: str, *, classes: Sequence[str], size: tuple[int, int], where: str) -> str:
    """`template` with these classes, each mapped to itself, and this input size.

    Raises:
        ConfigError: the template has no class mapping or no size.
    """
    places = _mappings(tokens(template))
    if not places:
        raise ConfigError(f"{where}: no {MAPPING}", remedy="choose another RECIPE")
    start, end = places[0][0], places[-1][1]
    entries = [f'{MAPPING} {{\n    key: "{name}"\n    value: "{name}"\n  }}' for name in classes]
    text = template[:start] + "\n  ".join(entries) + template[end:]
    for field, side in zip(("output_width", "output_height"), size, strict=True):
        text = with_value(text, "augmentation_config", field, str(side), where=where)
    return text


def _mappings(found: Sequence[Token]) -> list[tuple[int, int]]:
    """Start and end of each class mapping in the text."""
    places = []
    for place, token in enumerate(found):
        if token.text == MAPPING:
            end = next((later for later in found[place:] if later.text == "}"), None)
            if end is not None:
                places.append((token.start, end.start + 1))
    return places
