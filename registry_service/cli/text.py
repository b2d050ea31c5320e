"""Plain text for people: aligned, and safe to print whatever a registry holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from registry_service.domain.wording import printable, size

__all__ = ["Cell", "cell", "count", "document", "facts", "joined", "printable", "section", "size", "table"]

MAX_DOCUMENT: Final = 300

Cell = str | int | float | bool | datetime | None


def cell(value: Cell) -> str:
    """A value on one line; times in the zone of this machine, with its offset."""

    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone().isoformat(sep=" ", timespec="seconds")
        case float():
            return f"{value:g}"
        case _:
            return " ".join(printable(str(value)).split("\n"))


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, empty: str) -> str:
    """Columns under headings; `empty` where there are no rows."""

    if not rows:
        return empty
    cells = [[header.upper() for header in headers], *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def facts(pairs: Mapping[str, Cell]) -> str:
    """Names and values, one a line; what is None is left out."""

    shown = {name: cell(value) for name, value in pairs.items() if value is not None}
    width = max(len(name) for name in shown)
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in shown.items())


def section(title: str, text: str) -> str:
    return f"\n{title}:\n" + "\n".join(f"  {line}" for line in printable(text).splitlines())


def joined(values: Sequence[object] | Mapping[str, object]) -> str | None:
    """A list on one line; None where it is empty."""

    if isinstance(values, Mapping):
        values = [f"{name}={value}" for name, value in values.items()]
    return ", ".join(str(value) for value in values) or None


def document(value: Mapping[str, object] | None) -> str | None:
    """A document as JSON on one line, cut where it is long; None where it is empty."""

    if not value:
        return None
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_DOCUMENT else f"{text[:MAX_DOCUMENT]}… (--json shows all)"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
