"""Moments as text, always UTC."""

from datetime import datetime, timezone


def utc(unix_s: float) -> str:
    """A moment to the millisecond: 2026-03-01T10:15:00.250Z."""
    return (
        datetime.fromtimestamp(unix_s, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def unix_s(text: str) -> float:
    """Seconds since 1970 of what `utc` wrote.

    Raises:
        ValueError: it is no such text.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def stamp(unix_s: float) -> str:
    """A moment to the second, as file names have it: 20260301T101500Z."""
    return f"{datetime.fromtimestamp(unix_s, timezone.utc):%Y%m%dT%H%M%SZ}"
