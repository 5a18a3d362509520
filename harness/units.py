"""The unit of a number, which the end of its name tells."""

UNITS = {
    "_images_per_s": "images/s",
    "_images_per_j": "images/J",
    "_bytes_per_s": "bytes/s",
    "_bytes": "bytes",
    "_mhz": "MHz",
    "_pct": "%",
    "_s": "s",
    "_j": "J",
    "_w": "W",
    "_c": "°C",
}


def unit_of(name: str) -> str:
    """`train_images_per_s` is in images/s; a name without such an ending is a plain number, unit ""."""
    return next((unit for ending, unit in UNITS.items() if f"_{name}".endswith(ending)), "")
