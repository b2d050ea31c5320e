from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry_service.domain.entities.review import Review, Verdict, end_of

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def said(reviewer: str, minute: int, withdrawn: int | None = None) -> Review:
    return Review(
        id=minute,
        promotion_id="p",
        reviewer=reviewer,
        verdict=Verdict.APPROVE,
        comment="",
        digest="sha256:0",
        at=NOON + timedelta(minutes=minute),
        withdrawn_at=None if withdrawn is None else NOON + timedelta(minutes=withdrawn),
    )


def test_a_later_word_of_the_same_person_replaces_the_first() -> None:
    reviews = [said("vera", 1, withdrawn=3), said("linus", 2), said("vera", 3)]
    assert [end_of(one, reviews) for one in reviews] == ["replaced", "", ""]


def test_what_is_taken_back_without_another_word_is_withdrawn() -> None:
    reviews = [said("vera", 1, withdrawn=3), said("linus", 3), said("vera", 5, withdrawn=6)]
    assert [end_of(one, reviews) for one in reviews] == ["withdrawn", "", "withdrawn"]
