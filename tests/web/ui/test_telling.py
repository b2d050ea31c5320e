from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from registry_service.domain.entities import Event
from registry_service.domain.events import EventKind
from registry_service.web.ui.telling import Piece, Place, told

AT = datetime(2026, 3, 3, tzinfo=UTC)
PROMOTED: dict[str, Any] = {"version": 5, "stage": "production", "phase": "PENDING"}
NAMED: dict[str, Any] = {
    "version": 5,
    "stage": "production",
    "target": "eu",
    "check": "auc",
    "status": "passed",
    "verdict": "approve",
}


def event(kind: str, subject: str | None = None, *, model: str | None = "wine", **data: object) -> Event:
    return Event(seq=1, at=AT, kind=kind, actor="ada", model_name=model, revision=1, subject=subject, data=data)


def text(of: Event, place: Place = Place.BY_ITSELF) -> str:
    return "".join(piece.text for piece in told(of, place))


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_words_of_its_own(kind: EventKind) -> None:
    words = text(event(kind))
    assert kind.value not in words
    assert not set("._[]{}") & set(words)
    assert [other for other in EventKind if text(event(other)) == words] == [kind]


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("kind", EventKind)
def test_nothing_dangles_wherever_it_is_told(kind: EventKind, place: Place) -> None:
    for known in (event(kind), event(kind, "subject", **NAMED), event(kind, "subject", model=None)):
        words = text(known, place)
        assert words.split()[-1] not in {"of", "on", "to", "for", "from", "at", "in", "by", "the"}, words
        assert words == words.strip() and "  " not in words


def test_a_promotion_is_told_by_version_and_stage_and_leads_to_its_page() -> None:
    asked = event("promotion.requested", "nvo6svwokeo5pl76", **PROMOTED)
    page = ("promotions", "nvo6svwokeo5pl76")
    words = {
        Place.BY_ITSELF: "a promotion of wine 5 to production",
        Place.OF_MODEL: "a promotion of version 5 to production",
        Place.OF_VERSION: "a promotion of it to production",
    }
    for place, promotion in words.items():
        assert told(asked, place) == [Piece("asked for "), Piece(promotion, page)]


def test_no_id_that_says_nothing_is_told() -> None:
    for kind in EventKind:
        if kind.partition(".")[0] in {"promotion", "review", "deployment", "comment", "delegation", "token"}:
            assert "nvo6svwokeo5pl76" not in text(event(kind, "nvo6svwokeo5pl76", **PROMOTED)), kind


def test_a_version_and_a_model_lead_to_their_pages() -> None:
    registered = event("version.registered", "5", version=5)
    assert told(registered, Place.BY_ITSELF) == [
        Piece("registered "),
        Piece("wine 5", ("models", "wine", "versions", "5")),
    ]
    assert text(registered, Place.OF_MODEL) == "registered version 5"
    assert text(registered, Place.OF_VERSION) == "registered it"
    assert told(event("version.deleted", "5", version=5), Place.BY_ITSELF)[-1] == Piece("wine 5")
    assert told(event("model.created"), Place.BY_ITSELF) == [Piece("made "), Piece("wine", ("models", "wine"))]
    assert text(event("model.created"), Place.OF_MODEL) == "made the model"


def test_what_went_back_leads_to_what_brought_it_back() -> None:
    back = event("promotion.rolled_back", "nvo6", version=1, stage="production", from_version=2)
    assert told(back, Place.OF_MODEL) == [
        Piece("rolled back "),
        Piece("production to version 1", ("promotions", "nvo6")),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "commented on the model"),
        ({"version": 5}, "commented on version 5"),
        ({"promotion": "nvo6"}, "commented on a promotion of the model"),
    ],
)
def test_a_comment_is_told_with_what_it_is_on(data: dict[str, Any], words: str) -> None:
    commented = event("comment.added", "c1", **data)
    assert text(commented, Place.OF_MODEL) == words
    if "promotion" in data:
        assert told(commented, Place.OF_MODEL)[-1].leads_to == ("promotions", "nvo6")


def test_what_an_event_lacks_is_left_out() -> None:
    assert text(event("deployment.ended", "d1", version=5, target="eu")) == "ended a deployment of wine 5 at eu"
    assert text(event("deployment.ended", "d1", version=5)) == "ended a deployment of wine 5"
    assert text(event("grant.created", "kim", model=None, role="reader")) == "gave a role: reader to kim"
    assert text(event("grant.created", model=None)) == "gave a role"


def test_a_kind_of_a_later_release_is_told_by_its_name() -> None:
    assert text(event("model.painted")) == "model.painted wine"
    assert text(event("model.painted", model=None)) == "model.painted"
