"""What a record cannot say, beyond the types and ranges of its fields: it is refused when it is read."""

import re

from harness.errors import ConfigError
from harness.measure.record import RANGES, Measurement, Record
from harness.settings.table import NOT_NEGATIVE, require_in_range

COUNTS = ("batch", "epochs", "gpus", "nodes", "limit", "seed", "train_steps", "warm_up_steps")  # conditions


def require_possible(record: Record, *, where: str) -> None:
    """Refuse a record with numbers that cannot be.

    Raises:
        ConfigError: a condition that counts is no whole number of 0 or more, or a measurement cannot be.
    """
    for name in COUNTS:
        value = record.conditions.get(name)
        if value is not None and (type(value) is not int or value < 0):
            raise ConfigError(
                f"{where}: conditions: {name}: found {value!r}, expected a whole number of 0 or more",
                remedy="correct the line",
            )
    for name, fact in record.facts.items():
        if isinstance(fact, int | float):
            require_in_range(fact, NOT_NEGATIVE, f"{where}: facts: {name}")
    for run in record.runs:
        for measurement in run.measurements:
            _require_in_range(measurement, f"{where}: runs {run.number}: {measurement.name}")


def _require_in_range(measurement: Measurement, where: str) -> None:
    for ending, limits in RANGES:
        if re.search(ending, measurement.name):
            require_in_range(measurement.values, {"items": limits}, where)
