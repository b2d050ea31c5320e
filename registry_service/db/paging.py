"""Keyset paging: a page starts after the last row of the one before, so the thousandth costs what the first does and
rows that come and go meanwhile are neither skipped nor shown twice."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Row,
    Select,
    String,
    literal,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from registry_service.db.types import UtcTimestamp, from_microseconds, to_microseconds
from registry_service.domain.entities import Page
from registry_service.domain.errors import InvalidCursor, InvalidFilter, InvalidInput
from registry_service.domain.expressions import speaks_of_now

T = TypeVar("T")

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list is wanted. `order_by` is a name, with ` desc` behind it for descending order. `now`: what
    times in the filter count from, once `pinned` has found out; None: there are none."""

    filter: str | None = None
    order_by: str | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    now: datetime | None = None


def pinned(request: PageRequest, now: datetime) -> PageRequest:
    """The request with what times in its filter count from: now on the first page, and what was now then on all that
    follow, which their cursor knows. Else rows would come and go with the time that passes between pages.

    :raises InvalidFilter, InvalidCursor: as they say.
    """

    if request.filter is None or not speaks_of_now(request.filter):
        return request
    if request.cursor is None:
        return msgspec.structs.replace(request, now=now)
    began = _read_cursor(request.cursor).now
    if began is None:
        raise _other_list()
    try:
        return msgspec.structs.replace(request, now=from_microseconds(began))
    except OverflowError as error:
        raise _damaged() from error


class Part(NamedTuple):
    """Some rows of a list, and the columns that make a total order of them: none is ever null there."""

    statement: Select[Any]
    keys: Sequence[ColumnElement[Any]]


class Orders(Protocol):
    """How a list may be ordered."""

    def parts(self, statement: Select[Any], order_by: str | None) -> tuple[list[Part], bool]:
        """The list in parts that come one after the other, no two with as many keys; and whether they descend.

        :raises InvalidInput: the list has no such order.
        """


@dataclass(frozen=True, slots=True)
class Ordering:
    """Orders by some columns (never null): their names, and the key that makes an order total."""

    columns: Mapping[str, ColumnElement[Any]]
    tie_breakers: Sequence[ColumnElement[Any]]
    default: str

    def parts(self, statement: Select[Any], order_by: str | None) -> tuple[list[Part], bool]:
        name, _, direction = (order_by or self.default).strip().partition(" ")
        direction = direction.strip().lower() or "asc"
        if name not in self.columns or direction not in {"asc", "desc"}:
            known = ", ".join(sorted(self.columns))
            raise InvalidInput(f"Can't order by '{order_by}'. Use one of {known}, with ' desc' for descending.")
        column = self.columns[name]
        keys = [column, *(key for key in self.tie_breakers if key is not column)]
        return [Part(statement, keys)], direction == "desc"


def page_of(
    connection: Connection,
    statement: Select[Any],
    orders: Orders,
    request: PageRequest,
    decode: Callable[[Sequence[Row[Any]]], list[T]],
) -> Page[T]:
    """One page of `statement`'s rows; `decode` turns all rows of the page into entities at once.

    :raises InvalidInput, InvalidCursor: a limit, order or cursor that doesn't fit this list.
    """

    if not 1 <= request.limit <= MAX_LIMIT:
        raise InvalidInput(f"limit is {request.limit}; it may be 1 to {MAX_LIMIT}.", field="limit")
    parts: Sequence[Part]
    parts, descending = orders.parts(statement, request.order_by)
    mark = _fingerprint(statement, request)
    after: Sequence[Any] | None = None
    if request.cursor is not None:
        parts, after = _after_cursor(request.cursor, mark, parts)
    found: list[tuple[Row[Any], list[Any]]] = []
    for part in parts:
        if len(found) <= request.limit:
            found += _rows(connection, part, after, request.limit + 1 - len(found), descending=descending)
        after = None
    page = found[: request.limit]
    cursor = _encode_cursor(mark, page[-1][1], request.now) if len(found) > request.limit else None
    return Page(items=decode([row for row, _ in page]), next_cursor=cursor)


def _rows(
    connection: Connection, part: Part, after: Sequence[Any] | None, limit: int, *, descending: bool
) -> list[tuple[Row[Any], list[Any]]]:
    """Rows of a part, with the values of their keys."""

    statement, keys = part
    if after is not None:
        here, there = tuple_(*keys), tuple_(*(literal(v, k.type) for v, k in zip(after, keys, strict=True)))
        statement = statement.where(here < there if descending else here > there)
    labels = [f"key_{index}" for index in range(len(keys))]
    statement = statement.add_columns(*(key.label(label) for key, label in zip(keys, labels, strict=True)))
    statement = statement.order_by(*(key.desc() if descending else key.asc() for key in keys)).limit(limit)
    return [(row, [getattr(row, label) for label in labels]) for row in connection.execute(statement)]


def refuse_filter(request: PageRequest) -> None:
    """For lists without a filter.

    :raises InvalidFilter: one was given.
    """
    if request.filter:
        raise InvalidFilter("This list takes no filter. Leave it out.", column=1)


def _fingerprint(statement: Select[Any], request: PageRequest) -> str:
    """Ties a cursor to the list it belongs to: with another filter or order it would skip rows without a word."""
    tables = ",".join(str(table) for table in statement.columns_clause_froms)
    text = f"{tables}|{request.filter}|{request.order_by}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, omit_defaults=True):
    """`mark` ties it to a list, `values` are the keys of the last row; `now`: what times in the filter count from."""

    mark: str
    values: list[str | bool | int | float | dict[str, int]]
    now: int | None = None


def _encode_cursor(mark: str, values: list[Any], now: datetime | None) -> str:
    plain = [{"at": to_microseconds(value)} if isinstance(value, datetime) else value for value in values]
    parts = [mark, plain] if now is None else [mark, plain, to_microseconds(now)]
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def _read_cursor(cursor: str) -> _Cursor:
    """:raises InvalidCursor: it is none."""

    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(text, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _damaged() from error


def _damaged() -> InvalidCursor:
    return InvalidCursor("The cursor is damaged. Start again without one.")


def _other_list() -> InvalidCursor:
    return InvalidCursor("The cursor belongs to another list, filter or order. Start again without one.")


def _after_cursor(cursor: str, mark: str, parts: Sequence[Part]) -> tuple[Sequence[Part], list[Any]]:
    """The parts from that on where the page before ended, and the values of its last row's keys."""

    read = _read_cursor(cursor)
    values = read.values
    ended = [index for index, part in enumerate(parts) if len(part.keys) == len(values)]
    if read.mark != mark or not ended:
        raise _other_list()
    rest = parts[ended[0] :]
    try:
        return rest, [_decode_key(value, key.type) for value, key in zip(values, rest[0].keys, strict=True)]
    except (TypeError, KeyError, OverflowError) as error:
        raise _damaged() from error


def _decode_key(value: str | float | dict[str, int], kind: TypeEngine[Any]) -> object:
    """A value that the column can be compared with: whoever alters a cursor must not reach a fault of the driver.

    :raises TypeError, KeyError, OverflowError: it can't.
    """

    if isinstance(kind, UtcTimestamp) and isinstance(value, dict):
        return from_microseconds(value["at"])
    if isinstance(kind, Boolean) or isinstance(value, bool):
        if not isinstance(kind, Boolean) or not isinstance(value, bool):
            raise TypeError
        return value
    if isinstance(kind, Double) and isinstance(value, int | float):
        number = float(value)
        if not isfinite(number):
            raise OverflowError
        return number
    if isinstance(kind, Integer) and isinstance(value, int):
        bits = 63 if isinstance(kind, BigInteger) else 31
        if not -(1 << bits) <= value < 1 << bits:
            raise OverflowError
        return value
    if isinstance(kind, String) and isinstance(value, str):
        return value
    raise TypeError
