"""What machines measured, and what people said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from registry_service.domain.entities.answer import Answer


class CheckStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"


class Attachment(Answer, frozen=True, kw_only=True):
    """A file that a check's report brought along, such as a plot. `size` is in bytes; `media_type` is what the reporter
    says, and only text: the bytes are given out as a download of no type."""

    name: str
    digest: str
    size: int
    media_type: str


class Check(Answer, frozen=True, kw_only=True):
    """What a machine measured of a version, with its evidence. The latest of a name counts."""

    id: int
    model_name: str
    version: int
    digest: str
    name: str
    status: CheckStatus
    summary: str
    evidence: dict[str, object]
    url: str | None
    reported_by: str
    reported_at: datetime
    revision: int
    attachments: list[Attachment] = []


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class Spoken(Protocol):
    """What a review is known by among others of its promotion."""

    @property
    def reviewer(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def withdrawn_at(self) -> datetime | None: ...


def end_of(review: Spoken, reviews: Iterable[Spoken]) -> str:
    """`withdrawn`, `replaced` by a later one of the same person, or nothing where it stands."""

    if review.withdrawn_at is None:
        return ""
    # Who reviews again takes back what they said before, in the same act.
    again = any(other.reviewer == review.reviewer and other.at == review.withdrawn_at for other in reviews)
    return "replaced" if again else "withdrawn"


class Review(Answer, frozen=True, kw_only=True):
    """A person's verdict on one digest. `waived` says that it counts as an approval of their own work, which the
    policy allowed."""

    id: int
    promotion_id: str
    reviewer: str
    verdict: Verdict
    comment: str
    digest: str
    at: datetime
    withdrawn_at: datetime | None
    waived: bool = False
