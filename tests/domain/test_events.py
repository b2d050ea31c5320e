from __future__ import annotations

import pytest

from registry_service.domain.errors import CursorFromOtherEpoch, InvalidCursor, InvalidInput
from registry_service.domain.events import Cursor, EventKind, parse_kind


def test_kinds_are_a_family_and_what_happened() -> None:
    for kind in EventKind:
        family, dot, happened = kind.partition(".")
        assert family and dot and happened and kind == kind.lower()


def test_a_kind_or_a_whole_family_may_be_asked_for() -> None:
    for kind in EventKind:
        assert parse_kind(kind) == kind.value
    assert parse_kind("promotion.*") == "promotion.*"


@pytest.mark.parametrize("text", ["", "*", "promotion", "promotion.", "promotion.aplied", "promo.*", "Promotion.*"])
def test_a_misspelt_kind_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_kind(text)
    assert "promotion" in refusal.value.message


def test_a_cursor_survives_its_text() -> None:
    cursor = Cursor("9f3a", 1024)
    assert str(cursor) == "9f3a-1024"
    assert Cursor.parse("9f3a-1024", epoch="9f3a") == cursor


@pytest.mark.parametrize("text", ["", "12", "9f3a-", "-12", "9f3a-1x", "9f3a--1", "9f3a-٣", "9f3a-1\n", "a" * 500])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(text, epoch="9f3a")


def test_a_cursor_of_a_log_that_was_reset_is_refused_instead_of_skipping_events() -> None:
    with pytest.raises(CursorFromOtherEpoch):
        Cursor.parse("9f3a-12", epoch="77aa")
