"""Text for people: tables, lists, numbers, durations, the end of a log; and text of others made harmless.

Class names, members of archives, file names, answers of servers, records and logs hold what others wrote.
Whatever the harness prints goes through `tell` or `tell_json`, and what enters a page or a plot through
`markdown_cell` or `one_line`.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

LAST_LINES = 15
LONGEST_LINE, LONGEST_CELL = 10_000, 200  # characters of text of others
# Control characters but tab and newline, line ends of Unicode, what turns the direction of text, and bytes
# of file names that are no UTF-8.
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
MARKDOWN = re.compile(r"[\\`*_~\[\]|]")


def tell(text: str, *, stream: TextIO | None = None) -> None:
    """Print text for a person, on `stream` or standard output, at once and with no control characters."""
    print(shown(text), file=stream or sys.stdout, flush=True)


def tell_json(table: Mapping[str, Any]) -> None:
    """Print a table as JSON, in ASCII, on standard output: escapes are JSON's own, and nothing is cut off.

    Raises:
        ValueError: a number is infinite or NaN, which JSON does not know.
    """
    print(json.dumps(table, indent=2, allow_nan=False), flush=True)


def shown(text: str) -> str:
    r"""The text with each control character as its escape, such as `\x1b`, and overlong lines cut off.

    Tabs and newlines stay.
    """
    return CONTROLS.sub(_escape, "\n".join(map(_cut, text.split("\n"))))


def one_line(text: str, *, longest: int = LONGEST_CELL) -> str:
    """The text with every control character as its escape, in at most about `longest` characters."""
    return _cut(re.sub(r"[\t\n]", _escape, shown(text)), longest)


def markdown_cell(text: str) -> str:
    """The text for a cell of a table in Markdown: none of it is markup, HTML or the end of the cell."""
    plain = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN.sub(r"\\\g<0>", plain)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text with their columns below each other; no newline at the end."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def listing(findings: Sequence[object], *, shown: int = 20) -> str:
    """The first of many findings for a message, one a line, also where one quotes a name with a newline."""
    more = [f"… and {len(findings) - shown} more"] if len(findings) > shown else []
    return "".join(f"\n  {_unbroken(str(finding))}" for finding in [*findings[:shown], *more])


def shortened(names: Sequence[str], *, shown: int = 2) -> str:
    """The first of several names, in a line: `a, b and 3 more`."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(_unbroken, names[:shown])) + more


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


def _unbroken(text: str) -> str:
    return text.replace("\n", r"\n")  # a name with a newline must not pass for a line of ours


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _cut(line: str, longest: int = LONGEST_LINE) -> str:
    rest = len(line) - longest
    return f"{line[:longest]}… and {rest} more characters" if rest > 0 else line
