"""Plain tables for terminals and Markdown: rows of anything printable, numbers to the right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def _columns(head: Sequence[object], rows: Iterable[Sequence[object]]) -> tuple[list[list[str]], list[bool]]:
    """All cells as text, head first, and for each column whether it holds numbers only."""
    cells = [[str(c) for c in head]] + [[str(c) for c in row] for row in rows]
    numeric = []
    for i in range(len(head)):
        body = [row[i] for row in cells[1:] if row[i] not in ("", "-")]
        numeric.append(bool(body) and all(_is_number(c) for c in body))
    return cells, numeric


def _is_number(cell: str) -> bool:
    for unit in (" %", " ms", " us", " s", " MB", " x", "%", "x"):
        cell = cell.removesuffix(unit)
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


def text_table(head: Sequence[object], rows: Iterable[Sequence[object]], indent: str = "  ") -> str:
    """A table for the terminal: columns padded, a line below the head."""
    cells, numeric = _columns(head, rows)
    width = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for n, row in enumerate(cells):
        padded = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, width, numeric)]
        lines.append((indent + "  ".join(padded)).rstrip())
        if n == 0:
            lines.append(indent + "  ".join("-" * w for w in width))
    return "\n".join(lines)


def markdown_table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """The same as a Markdown table."""
    cells, numeric = _columns(head, rows)
    lines = ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("---:" if right else "---" for right in numeric) + "|")
    return "\n".join(lines)
