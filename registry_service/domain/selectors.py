"""Selectors: how one names a version everywhere. `7`, `latest`, `@champion`, `@production`, `sha256:…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from registry_service.domain.errors import InvalidDigest, InvalidName, InvalidSelector
from registry_service.domain.manifest import check_digest
from registry_service.domain.names import check_alias_name

MAX_NUMBER: Final = 2**31 - 1  # what a row's integer holds
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class ByNumber:
    number: int

    def __str__(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True)
class Latest:
    """The highest number that isn't revoked."""

    def __str__(self) -> str:
        return "latest"


@dataclass(frozen=True, slots=True)
class ByPointer:
    """What an alias or stage points to; they share one namespace."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class ByDigest:
    digest: str

    def __str__(self) -> str:
        return self.digest


Selector = ByNumber | Latest | ByPointer | ByDigest


def parse_selector(text: str) -> Selector:
    """`str()` of the result is the text again.

    :raises InvalidSelector: it is none.
    """

    if text == "latest":
        return Latest()
    if _NUMBER.fullmatch(text) and int(text) <= MAX_NUMBER:
        return ByNumber(int(text))
    try:
        if text.startswith("@"):
            return ByPointer(check_alias_name(text[1:]))
        if text.startswith("sha256:"):
            return ByDigest(check_digest(text))
    except (InvalidName, InvalidDigest) as error:
        raise InvalidSelector(f"The selector is none: {error.message}", selector=text[:80]) from error
    raise InvalidSelector(
        f"{text[:80]!r} is no selector. Name a version by its number (7), 'latest', an alias or stage (@champion,"
        " @production) or its content digest (sha256:…).",
        selector=text[:80],
    )
