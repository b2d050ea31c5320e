"""Promotions: phases, leases, and what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from sqlalchemy import select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import events, policies, promotions, reviews, versions
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import OPEN_PHASES, Phase

_ALL: Final = select(promotions).order_by(promotions.c.requested_at, promotions.c.id)


def _leases(look: Look) -> Iterator[str]:
    for row in look.rows(_ALL):
        lease = (row.lease_holder, row.lease_acquired_at, row.lease_expires_at)
        complete, empty = None not in lease, lease == (None, None, None)
        if not (complete if row.phase == Phase.APPLYING else empty):
            yield f"promotion {row.id} is {row.phase}, and its lease is {row.lease_holder or 'nobody'}'s"


def _phases(look: Look) -> Iterator[str]:
    told: dict[str, str] = {}
    for event in look.rows(
        select(events.c.subject, events.c.data).where(events.c.kind.like("promotion.%")).order_by(events.c.seq)
    ):
        told[event.subject] = event.data.get("phase", Phase.PENDING)
    for row in look.rows(_ALL):
        phase = told.pop(row.id, None)
        if phase != row.phase:
            yield f"promotion {row.id} is {row.phase}, and the log says {phase}"
    for promotion, phase in told.items():
        yield f"the log says that promotion {promotion} is {phase}, and there is none"


def _ends(look: Look) -> Iterator[str]:
    """A phase and the columns that belong to it."""

    for row in look.rows(_ALL):
        phase = Phase(row.phase)
        closed = phase not in {*OPEN_PHASES, Phase.APPLIED}
        for name, belongs in (
            ("closed_at", closed),
            ("closed_reason", closed),
            ("applied_at", phase is Phase.APPLIED),
            ("applied_by", phase is Phase.APPLIED),
        ):
            if (getattr(row, name) is not None) is not belongs:
                yield f"promotion {row.id} is {phase} {'without' if belongs else 'with'} {name}"
        if phase in {Phase.APPROVED, Phase.APPLYING, Phase.APPLIED} and row.approved_at is None:
            yield f"promotion {row.id} is {phase} and was never approved"


def _digests(look: Look) -> Iterator[str]:
    other = (
        select(promotions.c.id, promotions.c.number)
        .join(
            versions,
            (versions.c.model_id == promotions.c.model_id) & (versions.c.number == promotions.c.number),
            isouter=True,
        )
        .where(promotions.c.digest.is_distinct_from(versions.c.digest))
    )
    for row in look.rows(other):
        yield f"promotion {row.id} is about another digest than that of version {row.number}"


def _reviews(look: Look) -> Iterator[str]:
    other = (
        select(reviews.c.id, reviews.c.reviewer, reviews.c.promotion_id)
        .join(promotions, promotions.c.id == reviews.c.promotion_id)
        .where(reviews.c.digest != promotions.c.digest)
    )
    for row in look.rows(other):
        yield f"review {row.id} of {row.reviewer} is of another digest than promotion {row.promotion_id}"


def _pins(look: Look) -> Iterator[str]:
    known = {(row.name, row.version) for row in look.rows(select(policies.c.name, policies.c.version))}
    for row in look.rows(_ALL):
        for pin in msgspec.convert(row.policies, list[PolicyPin]):
            if (pin.name, pin.version) not in known:
                yield f"promotion {row.id} is judged by version {pin.version} of policy {pin.name}, which isn't there"


CHECKS: Final = (
    Check("promotion_lease", "A promotion has a lease exactly while it is APPLYING.", _leases),
    Check("promotion_phase", "Every promotion is in the phase that the log moved it to last.", _phases),
    Check("promotion_end", "A promotion says when and by whom it ended exactly if it has.", _ends),
    Check("promotion_digest", "A promotion is about the digest of its version.", _digests),
    Check("review_digest", "A review is of the digest of its promotion.", _reviews),
    Check("policy_pin", "The policies by which a promotion is judged are there.", _pins),
)
