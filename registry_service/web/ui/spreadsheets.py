"""Tables for other programs, as CSV: nothing in one is a formula to whatever opens it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from registry_service.domain.entities.comparison import text_of_value

# Cells that spreadsheets would take for a formula.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """Text that a spreadsheet would reckon with has an apostrophe before it."""

    written = io.StringIO()
    table = csv.writer(written)
    table.writerows([_inert(cell) for cell in row] for row in rows)
    return written.getvalue()


def _inert(cell: object) -> object:
    if cell is None or isinstance(cell, int | float):
        return cell
    text = text_of_value(cell)
    return f"'{text}" if text.startswith(_FORMULAS) else text
