"""How figures are written, on the page and in its text alike: what is not known is said, and never 0."""

import math
import re

from harness.clock import utc
from harness.measure.cost import Amount, Cost
from harness.text import duration, number

PATH = re.compile(r"(?<![\w.…/])(?:/[^\s/:;,'\"()]+)+/([^\s/:;,'\"()]+)")  # of two names or more
NOT_RECORDED, CANNOT_TELL = "not recorded", "cannot tell"


def without_folders(text: str) -> str:
    """The text with only the last name of each absolute path: a page may be handed to strangers."""
    return PATH.sub(r"…/\1", text)


def figure(value: float | None, unit: str = "") -> str:
    """`36.2 images/s`, or that it is not recorded."""
    if value is None or not math.isfinite(value):
        return NOT_RECORDED
    return f"{number(value)} {unit}".rstrip()


def fraction(value: float | None) -> str:
    """An average precision: `0.574`."""
    return NOT_RECORDED if value is None or not math.isfinite(value) else f"{value:.3f}"


def precision(value: float | None, objects: int | None) -> str:
    """The average precision of a class, of which there may be no object to be found."""
    return "no objects" if value is None and objects == 0 else fraction(value)


def interval(low: float | None, high: float | None, *, digits: int = 3) -> str:
    """`0.512 to 0.634`; "" where nothing tells it."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{low:.{digits}f} to {high:.{digits}f}"


def lasted(seconds: float | None) -> str:
    """`4 min 05 s`, or that it is not recorded."""
    return NOT_RECORDED if seconds is None or not math.isfinite(seconds) else duration(seconds)


def moment(unix_s: float | None) -> str:
    """`2026-03-01 10:15:00`, in UTC."""
    return NOT_RECORDED if unix_s is None else utc(unix_s)[:19].replace("T", " ")


def signed_s(seconds: float | None) -> str:
    """`+12.3 s`, `−0.4 s`."""
    if seconds is None or not math.isfinite(seconds):
        return CANNOT_TELL
    size = abs(seconds)
    if size < 0.005:
        return "0.00 s"
    sign = "−" if seconds < 0 else "+"
    return f"{sign}{size:.2f} s" if size < 10 else f"{sign}{size:,.1f} s"


def amount(one: Amount, unit: str) -> str:
    """`12.3 GPU-hours`; `at least` that, or none so far, where a part is not recorded; or `not recorded`."""
    if not one.is_known:
        return NOT_RECORDED
    if one.unknown and not one.value:
        return f"none, as far as recorded (not recorded of {one.unknown} of {one.count})"
    value = f"{one.value:,.2f}" if one.value >= 0.1 or not one.value else f"{one.value:.2g}"
    if not one.unknown:
        return f"{value} {unit}"
    return f"at least {value} {unit} (not recorded of {one.unknown} of {one.count})"


def brief(one: Amount, unit: str) -> str:
    """The same in few words: `≥ 12.3 GPU-hours` of a lower bound."""
    if not one.is_known or not one.unknown:
        return amount(one, unit)
    if not one.value:
        return "none, as far as recorded"
    return f"≥ {amount(Amount(value=one.value, unknown=0, count=one.count), unit)}"


def energy(cost: Cost) -> str:
    """Kilowatt-hours, how they are known and of what; or that they are not recorded."""
    used = cost.energy
    if used.kwh is None:
        return NOT_RECORDED
    kwh = f"{used.kwh:.3g} kWh"
    if used.source == "declared":
        return f"{kwh}, by a declared power"
    share = CANNOT_TELL if used.coverage_pct is None else f"{used.coverage_pct:.0f} %"
    return f"{kwh} measured of {used.devices}, over {share} of the time"


def carbon(cost: Cost, factor: float | None) -> str:
    """Grams of CO2 equivalent, by the factor that was given."""
    if factor is None:
        return "no factor was given"
    return (
        NOT_RECORDED if cost.energy.gco2e is None else f"{number(cost.energy.gco2e)} g, at {factor:g} g/kWh"
    )
