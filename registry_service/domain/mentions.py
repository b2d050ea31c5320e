"""Whom a text mentions: `@name`, or `@"name with spaces"` for groups whose names have them.

A mention stands where no word, address or path goes on (`ada@example.org` mentions nobody), outside of code and not
behind a backslash. What is no name that is known stays text; so a full stop behind a name may belong to either, and the
longest name that is known is taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from registry_service.domain.names import MAX_NAME

# Fenced blocks first: backticks inside of them begin nothing. Code of one line may hold no other backtick.
_CODE: Final = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MENTION: Final = re.compile(
    r"(?<![A-Za-z0-9_.@+/\\$-])@"
    rf'(?:"([^"\n]{{1,{MAX_NAME}}})"|([A-Za-z0-9_][A-Za-z0-9._@+-]{{0,{MAX_NAME - 1}}}\$?))'
)
_PUNCTUATION: Final = ".@+-$"


class Mentions(msgspec.Struct, frozen=True, kw_only=True):
    """People and groups that a text mentions, each once, in the order of the text."""

    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def possible_names(text: str) -> tuple[str, ...]:
    """Every name that the text may mention, for looking up which of them there are."""
    return tuple(dict.fromkeys(name for readings in _readings(text) for name in readings))


def mentions_in(text: str, *, people: Collection[str], groups: Collection[str]) -> Mentions:
    """Whom the text mentions of those who may be mentioned. Of a person and a group with one name, it is the person."""

    named_people: dict[str, None] = {}
    named_groups: dict[str, None] = {}
    for readings in _readings(text):
        name = next((name for name in readings if name in people or name in groups), None)
        if name is not None:
            (named_people if name in people else named_groups)[name] = None
    return Mentions(people=tuple(named_people), groups=tuple(named_groups))


def _readings(text: str) -> Iterator[tuple[str, ...]]:
    """For each mention the names that it may mean, the longest first."""

    for found in _MENTION.finditer(_CODE.sub(" ", text)):
        quoted, plain = found.groups()
        yield (quoted,) if quoted is not None else tuple(_shorter(plain))


def _shorter(name: str) -> Iterator[str]:
    while True:
        yield name
        if name[-1] not in _PUNCTUATION or len(name) == 1:
            return
        name = name[:-1]
