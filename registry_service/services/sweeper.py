"""What time alone brings about: requests and approvals that expire, leases and holds that run out."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import or_, select, update

from registry_service.db.queries.models import find_model
from registry_service.db.tables import models, promotions, stages, uploads
from registry_service.domain.permissions import Action
from registry_service.domain.promotions import OPEN_PHASES
from registry_service.failpoints import reach
from registry_service.services.holds import release
from registry_service.services.idempotency import forget_old
from registry_service.services.judging import judge
from registry_service.services.keeping import let_go
from registry_service.services.reminding import remind
from registry_service.services.retention import forget_old_previews
from registry_service.services.work import Work

CLOSE_AT_ONCE: Final = 100


def sweep(work: Work) -> None:
    """Judge what is due by now, end holds whose time is over, remind of what waits, let go of what was deleted, forget
    answers that are too old to be repeated, and previews too old to be applied."""

    reach("sweeper.begun")
    for name in _models_with_due_promotions(work):
        judge(work, find_model(work, name, Action.PROMOTION_APPLY, lock=True))
    for name, stage in _holds_that_are_over(work):
        model = find_model(work, name, Action.STAGE_HOLD, lock=True)
        release(work, model, stage, "its time is over")
    remind(work)
    forget_old(work)
    let_go(work)
    forget_old_previews(work)
    reach("sweeper.done")


class ClosedUploads(msgspec.Struct, frozen=True):
    """Sessions whose bytes the store may forget."""

    ids: list[str]


def close_expired(work: Work) -> ClosedUploads:
    """End some of the sessions whose time is over."""

    over = (
        select(uploads.c.id)
        .where(uploads.c.closed_at.is_(None), uploads.c.expires_at <= work.now)
        .order_by(uploads.c.expires_at)
        .limit(CLOSE_AT_ONCE)
    )
    found = list(work.connection.execute(over).scalars())
    if found:
        closed = update(uploads).where(uploads.c.id.in_(found)).values(closed_at=work.now)
        work.connection.execute(closed)
    return ClosedUploads(found)


def _models_with_due_promotions(work: Work) -> list[str]:
    """Those with an open promotion whose deadline or lease is over, or that waits for a time to pass: a prerequisite
    of having been current somewhere for long enough."""

    due = (
        select(models.c.name)
        .join(promotions, promotions.c.model_id == models.c.id)
        .where(
            models.c.deleted_at.is_(None),
            promotions.c.phase.in_(OPEN_PHASES),
            or_(
                promotions.c.deadline_at <= work.now,
                promotions.c.lease_expires_at <= work.now,
                promotions.c.timed,
            ),
        )
        .distinct()
        .order_by(models.c.name)
    )
    return list(work.connection.execute(due).scalars())


def _holds_that_are_over(work: Work) -> list[tuple[str, str]]:
    over = (
        select(models.c.name, stages.c.name)
        .join(models, models.c.id == stages.c.model_id)
        .where(models.c.deleted_at.is_(None), stages.c.hold_until <= work.now)
        .order_by(models.c.name, stages.c.name)
    )
    return list(work.connection.execute(over))
