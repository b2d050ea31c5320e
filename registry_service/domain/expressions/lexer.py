"""Text to tokens. Each knows its column, from 1, for the message when something is wrong there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from registry_service.domain.errors import InvalidFilter

MAX_BYTES: Final = 4096

KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS", "NULL", "TRUE", "FALSE"})

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
    | (?P<moment>[nN][oO][wW](?:[+-]\w*)?(?![\w.]))
    | (?P<name>[A-Za-z_]\w*(?:\.\w+)*(?:\.(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"))?)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<symbol>!=|<=|>=|[-=<>()+*/,])
    """,
    re.VERBOSE | re.ASCII,
)
_UNUSABLE: Final = re.compile("[\0\ud800-\udfff]")


class Kind(Enum):
    NAME = auto()
    KEYWORD = auto()
    NUMBER = auto()
    MOMENT = auto()
    TEXT = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is what was meant: quotes are off, keywords in upper case."""

    kind: Kind
    text: str
    column: int
    path: tuple[str, ...] = ()
    quoted: bool = False

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else f"'{self.text}'"


_AS_WRITTEN: Final = MappingProxyType({"number": Kind.NUMBER, "moment": Kind.MOMENT, "symbol": Kind.SYMBOL})


def invalid(message: str, column: int) -> InvalidFilter:
    """The refusal of what stands at `column`."""

    return InvalidFilter(f"At column {column}: {message}.", column=column)


def tokens(text: str) -> list[Token]:
    """All tokens, and one of kind END behind them.

    :raises InvalidFilter: the text is too long, or something in it is no token.
    """

    unusable = _UNUSABLE.search(text)
    if unusable:
        raise invalid("a NUL character or half of a surrogate pair; leave it out", unusable.start() + 1)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise invalid(f"the expression has {size} bytes, and {MAX_BYTES} are the limit; shorten it", MAX_BYTES + 1)
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _no_token(text, position)
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match[0], position + 1))
        position = match.end()
    return [*found, Token(Kind.END, "", len(text) + 1)]


def _token(group: str, text: str, column: int) -> Token:
    if group in _AS_WRITTEN:
        return Token(_AS_WRITTEN[group], text, column)
    if group == "text":
        return Token(Kind.TEXT, _unquoted(text), column)
    if text.upper() in KEYWORDS:
        return Token(Kind.KEYWORD, text.upper(), column)
    plain, quote, rest = _split_at_quote(text)
    if not quote:
        return Token(Kind.NAME, text, column, tuple(text.split(".")))
    return Token(Kind.NAME, text, column, (*plain.split("."), _unquoted(quote + rest)), quoted=True)


def _split_at_quote(text: str) -> tuple[str, str, str]:
    """What stands before a quoted last part (without its dot), the opening quote, and the rest."""

    positions = [text.index(quote) for quote in '`"' if quote in text]
    if not positions:
        return text, "", ""
    first = min(positions)
    return text[: first - 1], text[first], text[first + 1 :]


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _no_token(text: str, position: int) -> InvalidFilter:
    character, column = text[position], position + 1
    if character in "'\"`":
        return invalid(f"the quote {character} is never closed; close it, and double those inside", column)
    if character == ".":
        return invalid("a dot stands between a name and its key, or in a number; mend what is around it", column)
    if character.isdecimal():
        return invalid("this is no number; write it like 0.5 or 1e-3", column)
    return invalid(f"{character!r} means nothing here; put text into quotes", column)
