"""A call of the HTTP interface as a value: built once, sent by either client, inspected by tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, Generic, Literal, Protocol, TypedDict, TypeVar, cast
from urllib.parse import quote, urlencode

from registry_service.domain.errors import InvalidInput, InvalidName
from registry_service.domain.requests import Request

T = TypeVar("T")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
QueryValue = str | int | float | bool | datetime | None


class RetryRule(Enum):
    """ALWAYS: reads, and writes that their idempotency key makes safe to repeat. IF_REFUSED: only where it is certain
    that nothing happened, because the service said so or was never reached. Answers that carry a secret are not kept
    for replay, so repeating such a call blindly would make a second secret."""

    ALWAYS = "always"
    IF_REFUSED = "if_refused"


class Content(Protocol):
    """Raw bytes to send. `pieces` starts from the beginning each time, so that a call can be repeated."""

    @property
    def size(self) -> int: ...

    def pieces(self) -> Iterator[bytes]: ...


class Sink(Protocol):
    """Where raw bytes go as they arrive. When a connection breaks, what was `received` isn't asked for again."""

    @property
    def received(self) -> int: ...

    def restart(self) -> None:
        """Forget what came: the next piece is the first."""

    def write(self, piece: bytes) -> None: ...

    def finish(self) -> None:
        """All bytes came: verify and keep them."""


class Paging(TypedDict, total=False):
    """What every list takes. `limit` is the size of one page, 1 to 200; `cursor` comes from the page before."""

    filter: str | None
    order_by: str | None
    limit: int | None
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One call: what is sent, and what its answer is decoded to.

    `path` is percent-encoded and stands below `/api/v1`. `if_match` and `if_none_match` are entity tags without
    quotes. `offset` is where in its file the content goes on. `patience` is how many seconds the service may take on
    purpose, on top of the client's timeout. `url` is an address outside of the registry, in place of `path`: it carries
    its own permission, so neither the token nor anything else of the registry's goes there, and no message shows it.
    `silence`: the answer is a stream of events, which is broken where nothing comes for so many seconds.
    """

    method: Method
    path: str
    answer: type[T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Request | None = None
    content: Content | None = None
    offset: int | None = None
    sink: Sink | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    idempotency_key: str | None = None
    retry: RetryRule = RetryRule.ALWAYS
    patience: float = 0.0
    url: str | None = field(default=None, repr=False)
    silence: float | None = None

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def unless_revision(self, revision: int) -> Call[T | None]:
        """The same read, answered with None where the entity still has this revision."""
        return cast("Call[T | None]", replace(self, if_none_match=str(revision)))

    def after_cursor(self, cursor: str) -> Call[T]:
        """The same list, from `cursor` on."""
        return replace(self, query={**self.query, "cursor": cursor})

    def limited_to(self, limit: int) -> Call[T]:
        """The same list, with pages of this size."""
        return replace(self, query={**self.query, "limit": str(limit)})

    @property
    def summary(self) -> str:
        """What is asked for, on one line; percent-encoded."""
        return f"{self.method} {self.path}" + (f"?{urlencode(self.query)}" if self.query else "")


def read(answer: type[T], *path: str | int, **query: QueryValue) -> Call[T]:
    return Call(method="GET", path=joined(*path), answer=answer, query=parameters(query))


def write(
    method: Method,
    answer: type[T],
    *path: str | int,
    body: Request | None = None,
    key: str | None = None,
    revision: int | None = None,
    retry: RetryRule = RetryRule.ALWAYS,
    query: Mapping[str, QueryValue] = MappingProxyType({}),
) -> Call[T]:
    return Call(
        method=method,
        path=joined(*path),
        answer=answer,
        query=parameters(query),
        body=body,
        if_match=None if revision is None else str(revision),
        idempotency_key=key,
        retry=retry,
    )


def joined(*parts: str | int) -> str:
    """The path of these parts, each percent-encoded.

    :raises InvalidName: an empty part, `.` or `..`, which would lead to another resource than the one meant.
    """

    for part in parts:
        if part in {"", ".", ".."}:
            raise InvalidName(f"'{part}' can't name anything. Give the name, number or id that is meant.", name=part)
    return "/" + "/".join(quote(str(part), safe="@:") for part in parts)


def parameters(query: Mapping[str, Any]) -> dict[str, str]:
    """The query string's parameters; None is left out."""
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: str | float | datetime) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput(f"{value} has no time zone. Give a time with one, such as datetime.now(UTC).")
        return value.isoformat()
    return str(value)
