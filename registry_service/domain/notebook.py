"""Answers as notebooks show them: small tables of HTML in which everything that somebody wrote is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Cell(NamedTuple):
    text: str
    best: bool = False


class Line(NamedTuple):
    """A row: its name, and a cell for each column."""

    name: str
    cells: Sequence[Cell]


def html_table(columns: Sequence[str], lines: Sequence[Line]) -> str:
    """The table; best cells in bold."""

    head = "".join(f"<th>{escape(text)}</th>" for text in ("", *columns))
    return f"<table><tr>{head}</tr>{''.join(map(_line, lines))}</table>"


def _line(line: Line) -> str:
    cells = "".join(f"<td>{_cell(cell)}</td>" for cell in line.cells)
    return f"<tr><th>{escape(line.name)}</th>{cells}</tr>"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return f"<b>{text}</b>" if cell.best else text
