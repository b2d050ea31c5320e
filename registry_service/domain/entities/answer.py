"""What all answers have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all that the service answers with."""


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """One page of a list. `next_cursor` is opaque; None on the last page."""

    items: list[T]
    next_cursor: str | None = None
