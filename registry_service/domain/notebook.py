"""Answers as notebooks show them: small tables of HTML without attributes, in which everything that somebody wrote is
escaped, and nothing leads anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Final, NamedTuple

import msgspec

from registry_service.domain.wording import moment, printable

MAX_ROWS: Final = 200
MAX_TEXT: Final = 300  # characters of one cell
_OF_FORMULAS: Final = re.compile(r"[$\\]")


class Cell(NamedTuple):
    text: str
    best: bool = False


class Line(NamedTuple):
    """A row: its name, and a cell for each column."""

    name: str
    cells: Sequence[Cell]


def html_table(columns: Sequence[str], lines: Sequence[Line], *, caption: str = "") -> str:
    """The table; best cells in bold."""

    head = "".join(f"<th>{inert(text)}</th>" for text in ("", *columns))
    return f"<table>{_caption(caption)}<tr>{head}</tr>{''.join(map(_line, lines))}</table>"


def html_facts(caption: str, facts: Mapping[str, object]) -> str:
    """Names and values, one a row; what is empty is left out."""

    shown = {name: text_of(value) for name, value in facts.items()}
    lines = "".join(f"<tr><th>{inert(name)}</th><td>{inert(text)}</td></tr>" for name, text in shown.items() if text)
    return f"<table>{_caption(caption)}{lines}</table>"


def html_rows(rows: Sequence[Mapping[str, object]], *, caption: str = "", more: bool = False) -> str:
    """A list, with the columns that all rows have and some row fills. `more`: the list goes on."""

    texts = [{name: text_of(value) for name, value in row.items()} for row in rows[:MAX_ROWS]]
    columns = [name for name in texts[0] if all(name in row for row in texts)] if texts else []
    columns = [name for name in columns if any(row[name] for row in texts)]
    head = "".join(f"<th>{inert(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{inert(row[name])}</td>' for name in columns)}</tr>" for row in texts)
    left = len(rows) - len(texts)
    end = "There are more." if more or left else "" if rows else "Nothing."
    table = f"<table>{_caption(caption)}<tr>{head}</tr>{body}</table>" if rows else ""
    return table + (f"<p>{end}</p>" if end else "")


def text_of(value: object) -> str:
    """A value on one line, cut where it is long; nothing for what is empty."""

    match value:
        case None:
            return ""
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:g}"
        case datetime():
            text = moment(value)
        case str():
            text = value
        case list() | tuple():
            text = ", ".join(map(text_of, value))
        case dict():
            text = ", ".join(f"{name} {text_of(one)}".rstrip() for name, one in value.items())
        case _:
            text = msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def inert(text: str) -> str:
    """The text as HTML, whatever it is: without markup of its own, and in the order in which it is stored. Notebooks
    read formulas in HTML too, where links and other words than are there may stand; the signs that begin, end and make
    one are set apart, so that none is found."""
    return _OF_FORMULAS.sub(r"<span>\g<0></span>", escape(printable(text)))


def _caption(text: str) -> str:
    return f"<caption>{inert(text)}</caption>" if text else ""


def _line(line: Line) -> str:
    cells = "".join(f"<td>{_cell(cell)}</td>" for cell in line.cells)
    return f"<tr><th>{inert(line.name)}</th>{cells}</tr>"


def _cell(cell: Cell) -> str:
    text = inert(cell.text)
    return f"<b>{text}</b>" if cell.best else text
