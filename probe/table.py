"""A table of text."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, numbers_from: int) -> str:
    """Lines with columns two blanks apart; those from place `numbers_from` on are aligned at their right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place >= numbers_from else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
