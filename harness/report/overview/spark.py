"""Sparklines and bars of text, for a terminal over ssh."""

import math
from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
UNKNOWN = "·"
EIGHTHS = " ▏▎▍▌▋▊▉"


def sparkline(
    values: Sequence[float | None], width: int = 40, *, low: float | None = None, high: float | None = None
) -> str:
    """A line of at most `width` characters; each is the mean of its values, a dot where none is known.

    Args:
        values: in order.
        width: in characters.
        low: the value of the lowest level; None: the least there is.
        high: the value of the highest one; None: the largest there is.
    """
    count = min(width, len(values))
    means = [
        _mean(values[place * len(values) // count : (place + 1) * len(values) // count])
        for place in range(count)
    ]
    known = [mean for mean in means if mean is not None]
    if not known:
        return UNKNOWN * count
    least, most = min(known) if low is None else low, max(known) if high is None else high
    return "".join(_level(mean, least, most) for mean in means)


def bar(share: float, width: int) -> str:
    """A bar that fills this share (0 to 1) of `width` characters, to an eighth of one."""
    eighths = round(max(min(share, 1.0), 0.0) * 8 * width)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _level(value: float | None, low: float, high: float) -> str:
    if value is None:
        return UNKNOWN
    share = (value - low) / (high - low) if high > low else 0.5
    return LEVELS[max(min(int(share * len(LEVELS)), len(LEVELS) - 1), 0)]
