"""Text for people: tables, lists, numbers, durations, and the end of a log."""

from collections.abc import Sequence
from pathlib import Path

LAST_LINES = 15


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text with their columns below each other; no newline at the end."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def listing(findings: Sequence[object], *, shown: int = 20) -> str:
    """The first of many findings for a message, one a line."""
    more = [f"… and {len(findings) - shown} more"] if len(findings) > shown else []
    return "".join(f"\n  {finding}" for finding in [*findings[:shown], *more])


def shortened(names: Sequence[str], *, shown: int = 2) -> str:
    """The first of several names, in a line: `a, b and 3 more`."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def number(value: float) -> str:
    """Three digits, as a person would write them."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """12.3 s, or 4 min 05 s, or 2 h 03 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def last_lines(log: Path) -> list[str]:
    """The last 15 lines of a log, bytes that are no UTF-8 replaced; empty where there is no log."""
    return log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
