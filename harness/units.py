"""The unit of a number, which the end of its name tells."""

from probe import samples

# The probe's own, and what is made of measurements.
UNITS = {"_images_per_s": "images/s", "_images_per_j": "images/J", **samples.UNITS}


def unit_of(name: str) -> str:
    """`train_images_per_s` is in images/s; a name without such an ending is a plain number, unit ""."""
    return samples.unit_of(name, UNITS)
