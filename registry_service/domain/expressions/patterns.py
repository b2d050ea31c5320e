"""Patterns of LIKE: `%` is any run of characters, `_` any one, and a backslash takes both their meaning."""

from __future__ import annotations

import string
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

ESCAPE: Final = "\\"
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Wildcard(Enum):
    ANY = auto()
    ONE = auto()


Symbol = str | Wildcard


def symbols(pattern: str) -> list[Symbol]:
    """Characters and wildcards in their order.

    :raises ValueError: a backslash stands before something else than a wildcard or another backslash. PostgreSQL and
        SQLite would each make something else of it.
    """

    found: list[Symbol] = []
    characters = iter(pattern)
    for character in characters:
        if character == ESCAPE:
            escaped = next(characters, "")
            if escaped not in {"%", "_", ESCAPE}:
                raise ValueError("a backslash in a pattern stands before %, _ or another backslash")
            found.append(escaped)
        elif character == "%":
            found.append(Wildcard.ANY)
        else:
            found.append(Wildcard.ONE if character == "_" else character)
    return found


def fold_ascii(text: str) -> str:
    """In lower case, as far as ASCII goes."""

    return text.translate(_LOWER)


def is_like(text: str, pattern: str, *, ignore_case: bool) -> bool:
    """Whether the whole text fits the pattern. Time grows with the product of their lengths and no faster: after a
    mismatch only the last `%` is tried anew, because what an earlier one could take, the last one can as well."""

    if ignore_case:
        text, pattern = fold_ascii(text), fold_ascii(pattern)
    wanted = symbols(pattern)
    at, here = 0, 0
    last_any, retry_from = -1, 0
    while at < len(text):
        if here < len(wanted) and wanted[here] is Wildcard.ANY:
            last_any, retry_from = here, at
            here += 1
        elif here < len(wanted) and _fits(text[at], wanted[here]):
            at, here = at + 1, here + 1
        elif last_any >= 0:
            retry_from += 1
            at, here = retry_from, last_any + 1
        else:
            return False
    return _all_any(wanted[here:])


def _fits(character: str, symbol: Symbol) -> bool:
    return symbol is Wildcard.ONE or symbol == character


def _all_any(rest: Sequence[Symbol]) -> bool:
    return all(symbol is Wildcard.ANY for symbol in rest)
