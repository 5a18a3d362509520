"""Text that fits a terminal: cells of a width, whatever letters they have, and tables of them."""

import unicodedata
from collections.abc import Iterator, Sequence

WIDTH = 80  # columns of a terminal
GAP = 2
LEAST = 4  # columns that a cell keeps


def width(text: str) -> int:
    """Columns that a terminal needs: two for a letter of Chinese, none for a mark above another letter."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def fit(text: str, columns: int) -> str:
    """The text in at most so many columns; what is cut off is an ellipsis."""
    if width(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width(kept + char) > columns - 1:
            break
        kept += char
    return f"{kept}…"


def table(rows: Sequence[Sequence[str]], *, indent: int = 2, right: Sequence[int] = ()) -> Iterator[str]:
    """Rows with their columns below each other in WIDTH; the widest columns give way.

    Args:
        right: columns of numbers, which stand at the right.
    """
    if not rows:
        return
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    while indent + sum(widths) + GAP * (len(widths) - 1) > WIDTH and max(widths) > LEAST:
        widths[widths.index(max(widths))] -= 1
    for row in rows:
        cells = [fit(cell, columns) for cell, columns in zip(row, widths, strict=True)]
        padded = [
            " " * (columns - width(cell)) + cell if place in right else cell + " " * (columns - width(cell))
            for place, (cell, columns) in enumerate(zip(cells, widths, strict=True))
        ]
        yield (" " * indent + (" " * GAP).join(padded)).rstrip()


def wrapped(text: str, *, indent: int = 2) -> Iterator[str]:
    """A paragraph in lines of WIDTH."""
    line = ""
    for word in text.split():
        if line and width(f"{line} {word}") > WIDTH - indent:
            yield " " * indent + line
            line = ""
        line = f"{line} {word}".strip()
        while width(line) > WIDTH - indent:  # a word without an end
            head = fit(line, WIDTH - indent)
            yield " " * indent + head.removesuffix("…")
            line = line[len(head) - 1 :]
    if line:
        yield " " * indent + line
