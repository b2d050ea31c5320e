from __future__ import annotations

import pytest

from registry_service.domain.errors import CursorFromOtherEpoch, InvalidCursor, InvalidInput, InvalidName
from registry_service.domain.events import (
    EVERY_EVENT,
    Cursor,
    EventFilter,
    EventKind,
    is_pattern,
    parse_kind,
    touches_access,
)


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


# ------------------------------------------------------------------------------------------------------- filters


def test_without_a_filter_every_event_is_wanted() -> None:
    assert EVERY_EVENT.admits("model.created", "churn", {})
    assert EVERY_EVENT.admits("grant.created", None, {})


@pytest.mark.parametrize(
    ("wanted", "admitted"),
    [
        (EventFilter(kinds=(parse_kind("promotion.applied"),)), True),
        (EventFilter(kinds=(parse_kind("model.created"), parse_kind("promotion.*"))), True),
        (EventFilter(kinds=(parse_kind("model.*"),)), False),
        (EventFilter(model="team-a.churn"), True),
        (EventFilter(model="team-a.*"), True),
        (EventFilter(model="team-?.churn"), True),
        (EventFilter(model="team-a.chur"), False),
        (EventFilter(model="Team-a.*"), False),
        (EventFilter(model="team_a.*"), False),
        (EventFilter(stage="production"), True),
        (EventFilter(stage="staging"), False),
        (EventFilter(kinds=(parse_kind("promotion.*"),), model="team-a.*", stage="staging"), False),
    ],
)
def test_all_that_a_filter_says_must_hold(wanted: EventFilter, admitted: bool) -> None:
    assert wanted.admits("promotion.applied", "team-a.churn", {"stage": "production"}) is admitted


def test_events_of_no_model_or_stage_are_not_those_of_one() -> None:
    assert not EventFilter(model="*").admits("grant.created", None, {})
    assert not EventFilter(stage="production").admits("model.created", "churn", {"stages": ["production"]})


@pytest.mark.parametrize("asked", [{"model": "a@b"}, {"model": "a@*"}, {"model": "a[b]*"}, {"stage": "7"}])
def test_a_filter_that_nothing_can_pass_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidName):
        EventFilter(**asked)  # type: ignore[arg-type]  # one of the two


def test_patterns_are_told_from_names_by_their_wildcards() -> None:
    assert is_pattern("team-a.*") and is_pattern("team-?")
    assert not is_pattern("team-a.churn")


def test_the_kinds_that_may_change_what_somebody_may_do() -> None:
    families = {kind.partition(".")[0] for kind in EventKind if touches_access(kind)}
    assert families == {"principal", "group", "grant", "token"}
