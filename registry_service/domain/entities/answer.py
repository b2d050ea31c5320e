"""What all answers have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from registry_service.domain.notebook import html_rows

T = TypeVar("T")

_PLAIN = (str, int, float, bool, datetime, type(None))


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all that the service answers with."""

    def row(self) -> dict[str, object]:
        """What a list shows of it to people: names of columns and what stands there. Else its plain fields, those of
        the answers in it, and of lists of answers how many there are."""

        shown: dict[str, object] = {}
        for name, value in msgspec.structs.asdict(self).items():
            match value:
                case Answer():
                    shown |= {f"{name}.{inner}": one for inner, one in value.row().items()}
                case list() if any(isinstance(one, Answer) for one in value):
                    shown[name] = len(value)
                case list() if all(isinstance(one, _PLAIN) for one in value):
                    shown[name] = value
                case _ if isinstance(value, _PLAIN):
                    shown[name] = value
        return shown


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """One page of a list. `next_cursor` is opaque; None on the last page."""

    items: list[T]
    next_cursor: str | None = None

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        rows = [item.row() for item in self.items if isinstance(item, Answer)]
        return html_rows(rows, more=self.next_cursor is not None)
