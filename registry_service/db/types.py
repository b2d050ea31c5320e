"""Column types whose stored form is the same on SQLite and PostgreSQL.

Hot reads take rows from the raw drivers, beside SQLAlchemy's result processing, so a stored value must already be a
plain int, str, float or bytes with one meaning on both databases. SQLite drops time zones where PostgreSQL keeps
them, and only PostgreSQL parses JSON; hence integers for time and text for JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds from the Unix epoch to `moment`, exact (integer arithmetic, no float in between).

    Raises ValueError for a naive datetime: it doesn't name a moment.
    """

    if moment.utcoffset() is None:
        message = f"{moment!r} has no time zone; use an aware datetime, for example datetime.now(UTC)"
        raise ValueError(message)
    return (moment - EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The moment, in UTC, that `to_microseconds` made into a number."""

    return EPOCH + timedelta(microseconds=microseconds)


class UtcTimestamp(TypeDecorator[datetime]):
    """An aware datetime, stored as BIGINT microseconds since the Unix epoch; raw rows carry that integer."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_microseconds(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value, stored as TEXT; raw rows carry the text, for `msgspec.json.decode` into the type one expects.

    Binds anything that msgspec encodes (structs, dicts, dates). `None` is SQL NULL, never the JSON text `null`.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002
        return None if value is None else msgspec.json.decode(value)


class ListOf(TypeDecorator[Sequence[Any]]):
    """A list as one parameter: an array on PostgreSQL, JSON text for `json_each` on SQLite. For `query.one_of`."""

    impl = Text
    cache_ok = True

    def __init__(self, item_type: TypeEngine[Any]) -> None:
        super().__init__()
        self.item_type = item_type

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item_type))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:  # noqa: ANN401
        if value is None or dialect.name == "postgresql":
            return value
        process = self.item_type.dialect_impl(dialect).bind_processor(dialect)
        return msgspec.json.encode([item if process is None else process(item) for item in value]).decode()
