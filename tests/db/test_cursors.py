"""Cursors as somebody alters them: a refusal, and never a fault of the driver."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, create_engine, insert, select

from registry_service.db.paging import Ordering, PageRequest, page_of
from registry_service.db.types import UtcTimestamp, from_microseconds
from registry_service.domain.errors import InvalidCursor

rows = Table(
    "rows",
    MetaData(),
    Column("at", UtcTimestamp, nullable=False),
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
)
ORDERING = Ordering(columns={"at": rows.c.at}, tie_breakers=[rows.c.name, rows.c.number, rows.c.size], default="at")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**65), 2**65) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("at"), inner, max_size=2),
    max_leaves=6,
)


def page(cursor: str | None) -> Any:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        rows.metadata.create_all(connection)
        for number in range(3):
            connection.execute(insert(rows).values(at=from_microseconds(number), name="a", number=number, size=number))
        request = PageRequest(limit=1, cursor=cursor)
        return page_of(connection, select(rows.c.number), ORDERING, request, lambda found: [r.number for r in found])


def altered(keys: object) -> str:
    first = page(None).next_cursor
    mark, _ = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return base64.urlsafe_b64encode(json.dumps([mark, keys]).encode()).decode().rstrip("=")


def taken_or_refused(cursor: str) -> None:
    with contextlib.suppress(InvalidCursor):
        page(cursor)


def test_the_alterations_reach_what_a_good_cursor_does() -> None:
    assert page(altered([{"at": 0}, "a", 0, 0])).items == [1]
    with pytest.raises(InvalidCursor):
        page(altered([{"at": 0}, "a", 2**31, 0]))


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(
        values | st.fixed_dictionaries({"at": st.integers(-(2**70), 2**70)}),
        values | st.text(),
        values | st.integers(-(2**31), 2**31),
        values | st.integers(-(2**63), 2**63),
    )
    | values
)
def test_an_altered_cursor_is_taken_or_refused(keys: object) -> None:
    taken_or_refused(altered(keys))


@settings(max_examples=300, deadline=None)
@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_anything_else_is_taken_or_refused(cursor: str) -> None:
    taken_or_refused(cursor)


@pytest.mark.parametrize(
    "text", ["[" * 12_000, '["m",["a"],' + "[" * 12_000, '["m",[{"at":' + "[" * 12_000, "\ud800", "{}"]
)
def test_hostile_cursors_are_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        page(base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode())
